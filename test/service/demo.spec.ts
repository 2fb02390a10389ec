import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { processesIn, temporaryFolder } from '../support/postgres-process.ts';
import { Program } from '../support/program.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';
import { startTamperingProxy } from '../support/tampering-proxy.ts';

const agreed = [
  '✓ the log holds what was said',
  "✓ the viewer's fold agrees with the log",
  '✓ the set of read models agrees with the log',
];

const demo = (env: Record<string, string>): Program =>
  new Program({ PLAYHEAD_DEMO_SPEED: '50', ...env }, [process.execPath, 'scripts/demo.mjs']);

const verdicts = ({ stdout }: Program): string[] =>
  stdout.split('\n').filter((line) => /^[✓✗]/u.test(line));

const said = 'Agreed: written orders, one line each, nobody asks twice.';

afterEach(() => Program.killAll());

describe('the demo without a service', () => {
  let folder: string;
  let env: Record<string, string>;
  beforeEach(async () => {
    folder = await temporaryFolder();
    const [home, TMPDIR] = [join(folder, 'home'), join(folder, 'tmp')];
    await Promise.all([mkdir(home), mkdir(TMPDIR)]);
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as AddressInfo;
    free.close();
    env = { PORT: String(port), TMPDIR, PLAYHEAD_DATA_DIR: join(home, 'data') };
  });
  afterEach(async () => {
    expect(processesIn(folder)).toEqual([]);
    expect(await readdir(join(folder, 'home'))).toEqual([]);
    expect(await readdir(join(folder, 'tmp'))).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('starts one, says that everything agrees, and leaves nothing behind', async () => {
    // The demo is not meant for the database of the service that it did not find.
    const run = demo({ ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/nowhere' });
    expect([await run.ended, run.stderr]).toEqual([0, '']);
    expect(verdicts(run)).toEqual(agreed);
    expect(run.stdout).toContain(said);
  });

  it('leaves nothing behind when it is ended in the middle', async () => {
    const interrupted = demo({ ...env, PLAYHEAD_DEMO_SPEED: '1' });
    await interrupted.printed(/^ +(0) {2}session\.started/m);
    interrupted.signalGroup('SIGINT');
    expect(await interrupted.ended).toBe(1);
    expect(verdicts(interrupted)).toEqual([]);

    const terminated = demo({ ...env, PLAYHEAD_DEMO_SPEED: '1' });
    await terminated.printed(/^ +(0) {2}session\.started/m);
    expect(await terminated.stop()).toBe(1);
  });

  it.each(['0', '-1', 'fast'])('refuses the speed %s in one line', async (speed) => {
    const run = demo({ ...env, PLAYHEAD_DEMO_SPEED: speed });
    expect(await run.ended).toBe(1);
    expect(run.stderr).toMatch(/^PLAYHEAD_DEMO_SPEED: [^\n]+\n$/);
  });
});

describe('the demo with a service', () => {
  let database: TestDatabase;
  let service: RunningService;
  const into = (url: string, key = adminKey): Program =>
    demo({ PORT: new URL(url).port, PLAYHEAD_ADMIN_KEY: key });

  beforeAll(async () => {
    database = await freshDatabase();
    service = await RunningService.start({ DATABASE_URL: database.url });
  });
  afterAll(async () => {
    expect(await service.stop()).toBe(0);
    await database.drop();
  });

  it('plays into it, says that everything agrees, and lets it run', async () => {
    const run = into(service.url);
    expect([await run.ended, run.stderr]).toEqual([0, '']);
    expect(verdicts(run)).toEqual(agreed);
    const id = await run.printed(/session (\S+) at/);
    const session = await service.get<{ status: string }>(`/api/sessions/${id}`);
    expect(session.status).toBe('COMPLETED');
  });

  it.each([
    ['no key', '', 'PLAYHEAD_ADMIN_KEY'],
    ['a wrong key', 'a-key-of-nobody', 'key'],
    ['a key that may not look', ingestKey, 'viewer'],
  ])('says in one line that it has %s', async (_, key, word) => {
    const run = into(service.url, key);
    expect([await run.ended, run.stderr]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^[^\\n]*${word}[^\\n]*\\n$`)),
    ]);
    expect(verdicts(run)).toEqual([]);
  });

  it('does not say "agree" of what was changed on the way', async () => {
    const wrong = [
      ['what is said', '/api/ingest', ['✗', '✓', '✓']],
      ['what the log answers', '/events', ['✗', '✗', '✗']],
      ['what the viewer is shown', '/socket.io/', ['✓', '✗', '✓']],
      ['the messages', '/messages', ['✓', '✓', '✗']],
      ['the session', '/api/sessions/[^/]+ ', ['✓', '✓', '✗']],
    ] as const;
    const results = wrong.map(async ([what, path]) => {
      const between = await startTamperingProxy(service.url, new RegExp(path), [
        ['nobody asks twice', 'nobody asks again'],
        ['"COMPLETED"', '"cOMPLETED"'],
      ]);
      const run = into(between.url);
      expect(await run.ended).toBe(1);
      await between.close();
      return [what, path, verdicts(run).map((line) => line[0])];
    });
    expect(await Promise.all(results)).toEqual(wrong);
  });
});
