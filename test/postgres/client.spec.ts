import pg from 'pg';
import v8 from 'node:v8';
import vm from 'node:vm';
import { PostgresClient, type PostgresClientConfig } from '../../src/postgres/client.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc') as (options?: { type: 'minor' }) => void;

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database.drop());

const connect = async (config: PostgresClientConfig = {}): Promise<pg.Client> => {
  const client: pg.Client = new PostgresClient({ connectionString: database.url, ...config });
  client.on('error', () => undefined);
  await client.connect();
  return client;
};

describe('a connection to Postgres', () => {
  it.each([{}, { answerTimeoutMs: 5_000 }])(
    'leaves nothing of a result when it is no longer used (%j)',
    async (config) => {
      const client = await connect(config);
      const rows = 20;
      const bytes = 1_000;
      const ask = () =>
        client.query(`select repeat('x', ${bytes}) as x from generate_series(1, ${rows})`);
      for (let nth = 0; nth < 100; nth += 1) await ask();
      collect();
      const before = process.memoryUsage().heapUsed;
      const times = 1_000;
      for (let nth = 0; nth < times; nth += 1) {
        await ask();
        if (nth % 50 === 0) collect({ type: 'minor' });
      }
      collect({ type: 'minor' });
      const grown = process.memoryUsage().heapUsed - before;
      await client.end();
      // A result that stays counts as 1; what else the machine does at the time, as up to 0.2.
      expect(grown / (rows * bytes * times)).toBeLessThan(0.5);
    },
    60_000,
  );

  it('answers by promise or by callback, whatever a statement is given as', async () => {
    const client = await connect({ answerTimeoutMs: 5_000 });
    const one = { rows: [{ x: 1 }] };
    expect(await client.query('select 1 as x')).toMatchObject(one);
    expect(await client.query('select $1::int as x', [1])).toMatchObject(one);
    expect(await client.query({ text: 'select $1::int as x', values: [1] })).toMatchObject(one);
    const named = { name: 'one', text: 'select 1 as x' };
    expect(await Promise.all([client.query(named), client.query(named)])).toMatchObject([one, one]);
    const called = await new Promise((resolve, reject) => {
      client.query('select 1 as x', (fault: unknown, result) =>
        fault ? reject(fault as Error) : resolve(result),
      );
    });
    expect(called).toMatchObject(one);
    const values = await new Promise((resolve, reject) => {
      client.query('select $1::int as x', [1], (fault: unknown, result) =>
        fault ? reject(fault as Error) : resolve(result),
      );
    });
    expect(values).toMatchObject(one);
    const submitted = await new Promise((resolve, reject) => {
      const query = new pg.Query('select 1 as x');
      query.on('end', resolve).on('error', reject);
      client.query(query);
    });
    expect(submitted).toMatchObject({ command: 'SELECT' });
    await client.end();
  });

  it('fails with the code of the server and a stack of who asked', async () => {
    const client = await connect();
    const fault = await client.query('select nothing_like_it').catch((thrown: unknown) => thrown);
    expect(fault).toMatchObject({ code: '42703' });
    expect((fault as Error).stack).toContain('client.spec');
    await client.end();
  });

  it('is cut when it does not answer in time, and so fails all that waits', async () => {
    const client = await connect({ answerTimeoutMs: 300 });
    const ended = new Promise((resolve) => client.once('end', resolve));
    const faults = await Promise.all(
      ['select pg_sleep(60)', 'select 1'].map((text) =>
        client.query(text).catch((thrown: unknown) => (thrown as Error).message),
      ),
    );
    expect(faults).toEqual(['Query read timeout', 'Query read timeout']);
    await ended;
  });
});
