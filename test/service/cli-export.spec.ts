import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportFormats } from '@playhead/contract';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { exportPath } from '../support/exports.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { adminKey, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  for (const sessionId of ['tea', 'a/b', 'c c']) {
    await service.post('/api/sessions', { sessionId, name: `About ${sessionId}` });
    const path = `/api/sessions/${encodeURIComponent(sessionId)}/commands/message.post`;
    await service.post(path, { content: 'Green or black? ✅' });
  }
}, 240_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const playhead = (args: readonly string[], url = service.url): Promise<Ended> =>
  new Run(['export', ...args], { PLAYHEAD_URL: url, PLAYHEAD_ADMIN_KEY: adminKey }).ended();

/** But for the time at which it was made. */
const timeless = (text: string): string => text.replace(/20\d\d-[\d-]+T[\d:.]+Z/g, 'then');

describe('playhead export', () => {
  it.each(exportFormats)('prints a session as %s', async (format) => {
    const { code, out, err } = await playhead(['tea', '--format', format]);
    expect([code, err]).toEqual([0, '']);
    const { text } = await service.request(exportPath('tea', format));
    expect(timeless(out)).toBe(timeless(text));
    expect(out).toContain('Green or black? ✅');
  });

  it('writes a file for each session, and goes on past one that is not there', async () => {
    const out = join(folder, 'new', 'one');
    const args = ['tea', 'nobody', 'a/b', 'c c', '--format', 'jsonl', '--out', out];
    const ended = await playhead(args);
    expect(ended.code).toBe(1);
    expect(ended.err).toBe('playhead: nobody: No such thing, or not yours to see\n');
    const names = await readdir(out);
    expect(names.sort()).toEqual([
      expect.stringMatching(/^session-a_b-[0-9a-f]{8}-20\d\d-\d\d-\d\d\.jsonl$/),
      expect.stringMatching(/^session-c_c-[0-9a-f]{8}-20\d\d-\d\d-\d\d\.jsonl$/),
      expect.stringMatching(/^session-tea-20\d\d-\d\d-\d\d\.jsonl$/),
    ]);
    expect(ended.out.split('\n').slice(0, -1).sort()).toEqual(names.map((name) => join(out, name)));
    const { text } = await service.request(exportPath('c c', 'jsonl'));
    expect(await readFile(join(out, names[1] ?? ''), 'utf8')).toBe(text);
    const { out: json } = await playhead(['tea', '--out', folder, '--json']);
    expect(JSON.parse(json)).toEqual({
      sessionId: 'tea',
      path: expect.stringMatching(/session-tea-[\d-]+\.json$/),
    });
  });

  it('leaves no file that is not whole, and says that it was cut off', async () => {
    const cutting = createServer((_request, answer) => {
      answer.writeHead(200, { 'content-disposition': 'attachment; filename="session-x.json"' });
      answer.write('{"half":', () => answer.destroy());
    }).listen(0, '127.0.0.1');
    await once(cutting, 'listening');
    const url = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
    for (const args of [['x'], ['x', '--out', folder]]) {
      const { code, err } = await playhead(args, url);
      expect(code).toBe(3);
      expect(err).toMatch(/^playhead: the export was cut off: /);
    }
    expect(await readdir(folder)).toEqual(['session-x.json.part']);
    cutting.close();
  });

  it('writes nowhere but into the folder, whatever the service calls the file', async () => {
    const odd = createServer((_request, answer) => {
      answer.writeHead(200, { 'content-disposition': 'attachment; filename="../../x.json"' });
      answer.end('{}');
    }).listen(0, '127.0.0.1');
    await once(odd, 'listening');
    const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
    const { code, err } = await playhead(['x', '--out', folder], url);
    expect(code).toBe(3);
    expect(err).toContain('does not answer like Playhead');
    expect(await readdir(folder)).toEqual([]);
    odd.close();
  });

  it('says why it cannot write', async () => {
    const occupied = join(folder, 'file');
    await writeFile(occupied, '');
    const { code, err } = await playhead(['tea', '--out', occupied]);
    expect(code).toBe(1);
    expect(err).toMatch(/^playhead: cannot write .*EEXIST/);
    await mkdir(join(folder, 'dir'));
    expect(await readdir(folder)).toEqual(['dir', 'file']);
  });

  it('ends with 1 when it is refused and 2 when it is called wrongly', async () => {
    const refused = await playhead(['nobody']);
    expect(refused).toEqual({
      ...{ code: 1, out: '', err: 'playhead: No such thing, or not yours to see\n' },
    });
    for (const [named, args] of [
      ['session', []],
      ['--out', ['tea', 'c c']],
      ['xml', ['tea', '--format', 'xml']],
    ] as const) {
      const { code, out, err } = await playhead(args);
      expect([code, out]).toEqual([2, '']);
      expect(err).toContain(named);
    }
  });
});
