import type { KeyCreated } from '@playhead/contract';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { logInPostgres, RunningService } from '../support/service.ts';

let database: TestDatabase;
let first: RunningService;
let second: RunningService;
let rows: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  const env = { ...logInPostgres, DATABASE_URL: database.url };
  [first, second] = await Promise.all([RunningService.start(env), RunningService.start(env)]);
  rows = new pg.Client({ connectionString: database.url });
  await rows.connect();
}, 240_000);

afterAll(async () => {
  await rows.end();
  await Promise.all([first.stop(), second.stop()]);
  await database.drop();
});

/** What the log holds of a key. */
const recordsOf = async (id: string): Promise<{ type: string }[]> => {
  const { rows: found } = await rows.query<{ type: string }>(
    `select type from events where stream = 'system' and data->>'keyId' = $1`,
    [id],
  );
  return found;
};

it('a key is made once for one Idempotency-Key, and a retry says which it was', async () => {
  const body = { name: 'retried', scopes: ['read', 'write'] };
  const make = (node: RunningService, key: string, asked: object = body) =>
    node.request('/api/keys', {
      type: 'application/json',
      body: JSON.stringify(asked),
      headers: { 'idempotency-key': key },
    });
  const together = await Promise.all(
    Array.from({ length: 10 }, (_, nth) => make(nth % 2 ? first : second, 'make-1')),
  );
  const made = together.filter(({ status }) => status === 201);
  expect(made).toHaveLength(1);
  const { id, key } = made[0]?.body as KeyCreated;
  const again = await make(second, 'make-1', { ...body, scopes: ['write', 'read'] });
  for (const answer of [again, ...together.filter((one) => one !== made[0])]) {
    expect(answer.body).toMatchObject({ status: 409, code: 'refused', retry: false });
    expect((answer.body as { detail: string }).detail).toContain(`key ${id} was made already`);
    expect(answer.text).not.toContain(key);
  }
  expect((await first.request('/api/sessions', { key })).status).toBe(200);
  const other = await make(first, 'make-1', { ...body, name: 'another' });
  expect(other).toMatchObject({ status: 422, body: { code: 'key-reused' } });
  expect((await make(first, 'make-2')).status).toBe(201);
  expect((await make(first, '')).status).toBe(400);
  expect(await recordsOf(id)).toEqual([{ type: 'key.created' }]);

  // As a crash leaves it between the record and the key: the retry makes what it promised.
  await rows.query('delete from keys where id = $1', [id]);
  expect(await make(first, 'make-1')).toMatchObject({ status: 201, body: { id } });
  expect(await recordsOf(id)).toHaveLength(1);
});
