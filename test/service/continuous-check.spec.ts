import type { CommandAnswer, RowDifferenceShape } from '@playhead/contract';
import pg from 'pg';
import { projections } from '../../projections/index.ts';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_CHECKED_SESSIONS_PER_MINUTE: '6000',
  });
}, 240_000);

afterAll(async () => {
  await service.stop();
  await client.end();
  await database.drop();
});

const say = (sessionId: string, messageId: string): Promise<CommandAnswer> =>
  service.post(`/api/sessions/${encodeURIComponent(sessionId)}/commands/message.post`, {
    messageId,
    content: 'text',
  });

const playhead = (...args: string[]): Promise<Ended> =>
  new Run(args, { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey }).ended();

/** What each read model's check has counted: sessions and differences. */
async function checkedCounts(): Promise<Record<string, { checked: number; differing: number }>> {
  const { text: metrics } = await service.request('/metrics');
  const values = (name: string) =>
    new Map(
      [...metrics.matchAll(new RegExp(`^${name}\\{projection="(\\w+)"\\} (\\d+)$`, 'gm'))].map(
        ([, projection = '', value]): [string, number] => [projection, Number(value)],
      ),
    );
  const differences = values('playhead_projection_differences_total');
  const checked = [...values('playhead_projection_checked_sessions_total')];
  return Object.fromEntries(
    checked.map(([name, count]): [string, { checked: number; differing: number }] => [
      name,
      { checked: count, differing: differences.get(name) ?? NaN },
    ]),
  );
}

describe('the continuous check', () => {
  it('compares every read model, and finds nothing where nothing is wrong', async () => {
    const sessionId = 'rich';
    const words = 'Größe, größer; the the the 🚀 fox\'s "quoted" \\ back';
    await service.post('/api/sessions', { sessionId, name: words, labels: { 10: 'b', 9: 'a' } });
    const command = (type: string, data: object): Promise<CommandAnswer> =>
      service.post(`/api/sessions/${sessionId}/commands/${type}`, data);
    await command('tool.call', { callId: 'c', tool: 'sh', input: { b: [1.5, words], a: null } });
    for (let nth = 0; nth < 20; nth += 1) {
      await command('tool.output', { callId: 'c', text: `${words} ${nth} ` });
    }
    await command('tool.finish', { callId: 'c', exitCode: 1, error: words });
    await command('message.start', { messageId: 'm' });
    await command('message.append', { messageId: 'm', index: 0, text: words });
    await command('message.complete', { messageId: 'm', tokens: 7 });
    await command('message.post', { content: words.repeat(100) });
    await command('session.rename', { name: `${words} again` });
    await service.caughtUp();
    const before = await checkedCounts();
    await until(async () => {
      const now = await checkedCounts();
      return Object.entries(now).every(
        ([name, { checked }]) => checked > (before[name]?.checked ?? 0) + 10,
      );
    });
    const after = await checkedCounts();
    expect(Object.keys(after).sort()).toEqual(projections.map(({ name }) => name).sort());
    expect(Object.values(after).filter(({ differing }) => differing !== 0)).toEqual([]);
  }, 60_000);
});

describe('a row that is not what the log says', () => {
  it('is found by itself, listed, and healed alone', async () => {
    await service.post('/api/sessions', { sessionId: 'tampered' });
    await say('tampered', 'm1');
    await say('tampered', 'm2');
    await service.caughtUp();
    await client.query(`update messages set content = 'x' where session_id = 'tampered'`);
    const path = '/api/projections/messages/differences';
    const found = async () =>
      (await service.get<{ differences: RowDifferenceShape[] }>(path)).differences.filter(
        ({ sessionId }) => sessionId === 'tampered',
      );
    await until(async () => (await found()).length === 2);
    expect(await found()).toMatchObject(
      ['m1', 'm2'].map((key, nth) => ({
        ...{ kind: 'value', key, column: 'content', revision: nth + 1 },
        ...{ expected: 'text', stored: 'x' },
      })),
    );
    expect((await playhead('projections', 'differences', 'messages')).out).toContain('content');
    expect(service.output).toContain('a row is not what the log says');
    expect((await service.request('/metrics')).text).toMatch(
      /playhead_projection_differences_total\{projection="messages"\} [1-9]/,
    );
    const healed = await playhead('projections', 'heal', 'messages', '--session', 'tampered');
    expect([healed.code, healed.out]).toEqual([0, 'messages tampered: 2 rows written\n']);
    expect(await found()).toEqual([]);
    const { rows } = await client.query(
      `select distinct content from messages where session_id = 'tampered'`,
    );
    expect(rows).toEqual([{ content: 'text' }]);
  }, 60_000);
});
