import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { exportPath } from '../support/exports.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';
import { transcript } from '../support/transcripts.ts';

let database: TestDatabase;
let service: RunningService;
let folder: string;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
  folder = await temporaryFolder();
}, 60_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});

const playhead = (args: readonly string[], key = adminKey, url = service.url): Promise<Ended> =>
  new Run(['import', ...args], { PLAYHEAD_URL: url, PLAYHEAD_ADMIN_KEY: key }).ended();

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

describe('playhead import', () => {
  it('takes folders, and files that are compressed, and says of each what came of it', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const first = await file('all/one.jsonl', transcript(one, 4).join('\n'));
    const second = await file('all/deep/two.jsonl.gz', gzipSync(transcript(two, 2).join('\n')));
    await file('all/photo.png', 'not looked at');
    const { code, out, err } = await playhead(
      [join(folder, 'all'), '--as', 'from=laptop'],
      ingestKey,
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n')).toEqual([
      `${second}: Claude Code transcript: 4 imported, 0 there already, 1 sessions`,
      `${first}: Claude Code transcript: 7 imported, 0 there already, 1 sessions`,
      '',
    ]);
    const session = await service.get<{ labels: object }>(`/api/sessions/${two}`);
    expect(session.labels).toEqual({ from: 'laptop' });
    const again = await playhead([first], ingestKey);
    expect(again.out).toMatch(/0 imported, 7 there already/);
  });

  it('imports what it exported', async () => {
    const id = randomUUID();
    await playhead([await file('x.jsonl', transcript(id, 20).join('\n'))]);
    const { text } = await service.request(exportPath(id, 'jsonl'));
    const { code, out } = await playhead([await file('export.jsonl', text), '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ format: 'Playhead export', imported: 0, entries: 33 });
  });

  it('stores nothing in a dry run', async () => {
    const id = randomUUID();
    const { out } = await playhead([
      await file('d.jsonl', transcript(id, 4).join('\n')),
      '--dry-run',
    ]);
    expect(out).toMatch(/: 7 entries of 1 sessions\n$/);
    expect((await service.request(`/api/sessions/${id}`)).status).toBe(404);
  });

  it('names the lines that it could not read, and goes on past files of no known format', async () => {
    const lines = transcript(randomUUID(), 2);
    const torn = await file('bad/torn.jsonl', [lines[0], '{"ty', lines[1]].join('\n'));
    // So large that it is still being sent when it is refused.
    const other = await file('bad/other.json', '{"weather":"fine"}\n'.repeat(1_000_000));
    const { code, out, err } = await playhead([join(folder, 'bad')]);
    expect(code).toBe(1);
    expect(out).toContain(`${torn}:2: not JSON: "{\\"ty"\n`);
    expect(err).toContain(`${other}: the file is of no format that can be imported`);
    expect(err).toContain('playhead: 1 of 2 files were not imported\n');
  });

  it.each([
    ['a path that is not there', ['/nowhere'], 1, /cannot read \/nowhere/],
    ['a label without a value', ['/tmp', '--as', 'blue'], 2, /must be LABEL=VALUE/],
  ])('is refused with %s', async (_what, args, code, message) => {
    const ended = await playhead(args);
    expect(ended.code).toBe(code);
    expect(ended.err).toMatch(message);
  });

  it('says when nobody answers', async () => {
    const path = await file('n.jsonl', transcript(randomUUID(), 2).join('\n'));
    const ended = await playhead([path], adminKey, 'http://127.0.0.1:9');
    expect(ended).toMatchObject({ code: 3, err: expect.stringMatching(/cannot reach/) as string });
  });
});
