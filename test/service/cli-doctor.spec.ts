import type { KeyCreated } from '@playhead/contract';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { startRelay } from '../support/raw-relay.ts';
import { adminKey, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
}, 240_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const playhead = (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> =>
  new Run(args, { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey, ...env }).ended();

const keyFor = async (scope: string): Promise<KeyCreated> => {
  const body = JSON.stringify({ name: 'test', scopes: [scope] });
  return (await service.request('/api/keys', { type: 'application/json', body }))
    .body as KeyCreated;
};

describe('playhead doctor', () => {
  it('finds a service that is well', async () => {
    await service.caughtUp();
    const { code, out, err } = await playhead(['doctor']);
    expect([code, err]).toEqual([0, '']);
    expect(out).not.toContain('fail');
    for (const name of ['service', 'clock', 'ready', 'sessions', 'messages', 'key', 'version']) {
      expect(out).toMatch(new RegExp(`^ok    ${name} `, 'm'));
    }
    expect(out).toMatch(/^ok {4}key +preset-admin may do everything$/m);
  });

  it('says what a key may do, and that it is not valid', async () => {
    const own = await keyFor('read');
    const { out: ownOut } = await playhead(['doctor', '--key', own.key]);
    expect(ownOut).toMatch(/^ok {4}key +test may read$/m);
    expect(ownOut).toMatch(/^ok {4}version /m);
    const reporter = await keyFor('ingest');
    const { code: reporterCode, out: reporterOut } = await playhead([
      ...['doctor', '--key', reporter.key],
    ]);
    expect([reporterCode, reporterOut]).toEqual([0, expect.stringMatching(/test may ingest$/m)]);
    expect(reporterOut).not.toContain('version');
    const { code, out } = await playhead(['doctor', '--key', 'wrong', '--json']);
    const { checks } = JSON.parse(out) as { checks: { name: string; ok: boolean }[] };
    expect([code, checks.filter(({ ok }) => !ok).map(({ name }) => name)]).toEqual([1, ['key']]);
  });

  it('ends with 1 where nobody answers', async () => {
    const { code, out } = await playhead(['doctor'], { PLAYHEAD_URL: 'http://127.0.0.1:1' });
    expect([code, out]).toEqual([1, expect.stringMatching(/^fail {2}service .*PLAYHEAD_URL\n$/)]);
  });

  it('finds clocks that differ, another version, and read models that do not get on', async () => {
    const date = new Date(Date.now() + 3_600_000).toUTCString();
    const relay = await startRelay(service.url, (path, answer) => {
      if (path !== '/health/ready' && path !== '/api/docs') return { ...answer, headers: { date } };
      const got = JSON.parse(answer.body) as {
        info?: { version: string };
        projections?: Record<string, unknown>[];
      };
      if (got.info) got.info.version = '9.9.9';
      Object.assign(got.projections?.[0] ?? {}, { parked: 2 });
      Object.assign(got.projections?.[1] ?? {}, { lagMs: 60_000, lagEvents: null });
      Object.assign(got.projections?.[2] ?? {}, { error: 'out of disk' });
      return { ...answer, body: JSON.stringify(got) };
    });
    const { code, out, err } = await playhead(['doctor'], { PLAYHEAD_URL: relay.url });
    await relay.close();
    expect([code, err]).toEqual([1, 'playhead: 5 of 14 checks failed\n']);
    const failed = out.split('\n').filter((line) => line.startsWith('fail'));
    expect(failed).toEqual([
      expect.stringMatching(/clock +3[56]\d\d s apart/),
      expect.stringContaining('2 sessions parked'),
      expect.stringContaining('very many events and 60000 ms behind'),
      expect.stringContaining('out of disk'),
      expect.stringContaining('service 9.9.9'),
    ]);
  });
});
