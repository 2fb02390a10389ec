import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sessionIdOf, type SessionEvent, type ToolView } from '@playhead/contract';
import { limits } from '../../src/config.ts';
import { NO_STREAM } from '../../src/log/event-log.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { byStream, corpusFiles, eventsIn, parsed } from '../support/corpus.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { anEvent } from '../support/log-events.ts';
import { Program } from '../support/program.ts';
import { logInPostgres, RunningService } from '../support/service.ts';
import { read, root } from '../support/sources.ts';

/* A service starts on a log that older builds have written. */

const corpus = byStream(corpusFiles().flatMap(eventsIn));
const [review = ''] = [...corpus.keys()].flatMap((stream) => sessionIdOf(stream) ?? []);

let database: TestDatabase;
let service: RunningService | undefined;

beforeEach(async () => {
  database = await freshDatabase();
  const log = await openPostgresLog({ ...limits, connectionString: database.url });
  for (const [stream, events] of corpus) {
    await log.append({ stream, expected: NO_STREAM, events: events.map(parsed) });
  }
  const events = [
    { ...anEvent({ any: [null, 1e300] }), type: 'tool.finished', v: 99 },
    { ...anEvent('no object'), type: 'nobody.knows-this', v: 3 },
  ];
  await log.append({ stream: 'session-tomorrow', expected: NO_STREAM, events });
  await log.close();
});

afterEach(async () => {
  await service?.kill();
  await Program.killAll();
  await database.drop();
});

it('old versions are read as those of today, newer and unknown ones pass with a warning', async () => {
  service = await RunningService.start({ ...logInPostgres, DATABASE_URL: database.url });
  const running = service;
  await service.caughtUp();
  const { tools } = await service.get<{ tools: (ToolView & { id: string })[] }>(
    `/api/sessions/${review}/tools`,
  );
  expect(tools.map(({ id, state }) => [id, state])).toEqual([
    ...[1, 2, 3, 4, 5, 6].map((nth) => [
      `call-${nth}`,
      [2, 5].includes(nth) ? 'finished' : 'failed',
    ]),
  ]);
  const eventsOf = async (id: string): Promise<SessionEvent[]> =>
    (await running.get<{ events: SessionEvent[] }>(`/api/sessions/${id}/events?limit=1000`)).events;
  const ends = (await eventsOf(review)).filter(({ type }) => type === 'tool.finished');
  expect(ends.map(({ v }) => v)).toEqual([2, 2, 2, 2, 2, 2]);
  expect(Object.keys(ends[0] ?? {})).not.toContain('stored');
  expect(await eventsOf('tomorrow')).toMatchObject([
    { type: 'tool.finished', v: 99, data: { any: [null, 1e300] } },
    { type: 'nobody.knows-this', v: 3, data: 'no object' },
  ]);
  // An end in version 1 is known to the rules as well.
  const again = await service.request(`/api/sessions/api/commands/tool.finish`, {
    ...{ type: 'application/json', body: JSON.stringify({ callId: 'never-called' }) },
  });
  expect(again.body).toMatchObject({ appended: false });
  expect(await service.stop()).toBe(0);
  expect(service.output).toContain("tool.finished 99 (today's is 2)");
  expect(service.output).toMatch(/newer than this build/);
  expect(service.output).toContain('nobody.knows-this 3');
  expect(service.output).toMatch(/unknown to this build/);
}, 120_000);

/** What was built, with the registry of upcasts emptied. */
function buildWithoutUpcasts(folder: string): string {
  cpSync(join(root, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  const file = join(folder, 'dist/src/log/upcasts.js');
  const text = readFileSync(file, 'utf8');
  const emptied = text.replace('export const upcasts = {', 'export const upcasts = {}; ({');
  expect(emptied).not.toBe(text);
  writeFileSync(file, emptied.replace(/^};$/m, '});'));
  return join(folder, 'dist/src/main.js');
}

it('a build without an upcast refuses to start and names what it cannot read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'playhead-without-upcasts-'));
  const env = { DATABASE_URL: database.url, PORT: '0', PLAYHEAD_LOG_LEVEL: 'error' };
  const refused = new Program(env, [process.execPath, buildWithoutUpcasts(folder)]);
  expect(await refused.ended).toBe(1);
  expect(refused.stdout).toBe('');
  expect(refused.stderr).toBe(
    'DATABASE_URL: the log holds versions of events that no upcast lifts to those of this build: ' +
      "message.completed 1 (today's is 2), message.posted 1 (today's is 2), " +
      "tool.finished 1 (today's is 2), tool.output 1 (today's is 2); " +
      'start a build that has the upcasts\n',
  );
  expect(read('docs/operate.md')).toContain(refused.stderr);
  rmSync(folder, { recursive: true });
}, 120_000);
