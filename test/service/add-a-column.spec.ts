import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { Run } from '../support/cli.ts';
import { freshDatabase } from '../support/database.ts';
import { changesIn, copyOf, make, runIn } from '../support/recipes.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { read } from '../support/sources.ts';

const [, page = ''] =
  /### Example: add a column\n([\s\S]*?)\n## /.exec(read('docs/operate.md')) ?? [];

/** The commands of the page, block by block. */
const commands = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
  [...block.matchAll(/^npx playhead ([a-z -]+?) *(#.*)?$/gm)].map(([, line = '']) =>
    line.split(' '),
  ),
);

const SESSIONS = 40;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playhead-column-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const join1 = (nth: number) => ({
  participantId: `p${nth}`,
  kind: 'agent',
  ...(nth % 3 === 0 ? { name: `Name ${nth}` } : nth % 3 === 1 ? { agentType: 'claude' } : {}),
});

const labelOf = (nth: number): string => ['Name ' + nth, 'claude', `p${nth}`][nth % 3] ?? '';

it('a column is added to a read model as the page says, while people read it', async () => {
  const database = await freshDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const env = { DATABASE_URL: database.url, EVENTSTORE_URL: '' };
  const before = await RunningService.start(env);
  for (let nth = 0; nth < SESSIONS; nth += 1) {
    await before.post('/api/sessions', { sessionId: `s${nth}` });
    await before.post(`/api/sessions/s${nth}/commands/participant.join`, join1(nth));
  }
  await before.caughtUp();

  const changes = changesIn(page);
  expect(changes).toHaveLength(7);
  copyOf(folder);
  for (const change of changes) make(change, folder);
  await runIn(folder, {}, 'scripts/build.mjs');

  const after = await RunningService.start(env, join(folder, 'dist/src/main.js'));
  const nodes = [before, after];
  let [reads, isOver] = [0, false];
  const reading = (async () => {
    for (; !isOver; reads += 1) {
      // Nodes are replaced one after the other: for a while both versions answer.
      const node = nodes[reads % nodes.length] ?? after;
      const path = `/api/sessions/s${reads % SESSIONS}/participants`;
      const { participants } = await node.get<{ participants: unknown[] }>(path);
      expect(participants).toHaveLength(1);
    }
  })();
  reading.catch(() => undefined);
  const labels = async (): Promise<unknown> =>
    (await client.query('select label from participants order by session_id')).rows.map(
      ({ label }: { label: string | null }) => label,
    );
  const expected = Array.from({ length: SESSIONS }, (_, nth) => ({ id: `s${nth}`, nth }))
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map(({ nth }) => labelOf(nth));
  for (let isSwapped = false; !isSwapped; await sleep(50)) {
    const found = (await after.readModels()).find(({ name }) => name === 'participants');
    isSwapped = found?.served?.version === 3;
  }
  expect(await labels()).toEqual(expected);
  // What the old node takes has a label as well: the new one makes the rows that are read.
  await before.post('/api/sessions', { sessionId: 'y' });
  await before.post('/api/sessions/y/commands/participant.join', join1(1));
  await before.caughtUp();
  expected.push(labelOf(1));
  expect(await labels()).toEqual(expected);
  nodes.shift();
  // A read that has begun there ends there.
  await sleep(200);
  await before.stop();

  const run = async (args: readonly string[]): Promise<string> => {
    const variables = { PLAYHEAD_URL: after.url, PLAYHEAD_ADMIN_KEY: adminKey };
    const program = join(folder, 'packages/cli/dist/main.js');
    const { code, out, err } = await new Run(args, variables, '', program).ended();
    expect([args, code, err]).toEqual([args, 0, expect.anything()]);
    return out;
  };
  const [own = [], byHand = []] = commands;
  expect([own.length, byHand.length]).toEqual([5, 4]);
  const [show = [], verify = [], back = [], forward = [], drop = []] = own;
  expect(await run(show)).toMatch(/participants .*3/);
  await run(verify);
  await run(back);
  expect(await labels()).toEqual(expected.map(() => null));
  // A copy is kept up by the logic that made it, whichever is read.
  await after.post('/api/sessions', { sessionId: 'z' });
  await after.post('/api/sessions/z/commands/participant.join', join1(0));
  await after.caughtUp();
  expect(await labels()).toEqual([...expected.map(() => null), null]);
  await run(forward);
  expect(await labels()).toEqual([...expected, labelOf(0)]);
  await run(drop);
  for (const args of byHand) await run(args);
  expect(await labels()).toEqual([...expected, labelOf(0)]);

  isOver = true;
  await reading;
  expect(reads).toBeGreaterThan(0);
  await after.stop();
  await client.end();
  await database.drop();
}, 600_000);
