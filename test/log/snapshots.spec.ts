import { limits } from '../../src/config.ts';
import { MemorySnapshots } from '../../src/log/memory/index.ts';
import { PostgresSnapshots } from '../../src/log/postgres/index.ts';
import type { Fold, Snapshot, Snapshots } from '../../src/log/snapshots.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const fold: Fold = { name: 'test', version: 2 };
const part = (from: number, revision: number, data: unknown = { from, revision }): Snapshot => ({
  ...{ from, revision, data },
  eventId: `e${revision}`,
});

async function all(snapshots: Snapshots, of: Fold = fold, stream = 's'): Promise<Snapshot[]> {
  const found: Snapshot[] = [];
  for await (const one of snapshots.read(of, stream)) found.push(one);
  return found;
}

let database: TestDatabase;
let postgres: PostgresSnapshots;

beforeAll(async () => {
  database = await freshDatabase();
  postgres = new PostgresSnapshots({
    ...limits,
    connectionString: database.url,
    snapshotBytesMax: 10_000,
  });
});

afterAll(async () => {
  await postgres.close();
  await postgres.keep(fold, 'after the end', part(0, 1));
  await database.drop();
});

describe.each([
  ['memory', () => new MemorySnapshots()],
  ['Postgres', () => postgres],
])('snapshots in %s', (_name, store) => {
  let snapshots: Snapshots;

  beforeEach(async () => {
    snapshots = store();
    for (const stream of ['s', 't']) await snapshots.drop(fold, stream);
  });

  it('come back by their first revision, however many there are', async () => {
    const parts = Array.from({ length: 25 }, (_, nth) => part(nth * 10, nth * 10 + 9));
    for (const one of parts.toReversed()) await snapshots.keep(fold, 's', one);
    expect(await all(snapshots)).toEqual(parts);
  });

  it('are found by the revision that they go up to', async () => {
    const parts = [part(0, 9), part(10, 19), part(20, 24)];
    for (const one of parts) await snapshots.keep(fold, 's', one);
    const found = await Promise.all(
      [0, 8, 9, 18, 19, 23, 24, 2 ** 31 - 1].map((at) => snapshots.lastUpTo(fold, 's', at)),
    );
    const [first, second, third] = parts;
    expect(found).toEqual([...[undefined, undefined, first, first, second, second, third, third]]);
    expect(await snapshots.lastUpTo({ ...fold, version: 1 }, 's', 30)).toBeUndefined();
    expect(await snapshots.lastUpTo(fold, 't', 30)).toBeUndefined();
  });

  it('give way to longer ones from the same revision, not to shorter ones', async () => {
    for (const revision of [5, 9, 7]) await snapshots.keep(fold, 's', part(0, revision));
    expect(await all(snapshots)).toEqual([part(0, 9)]);
  });

  it('are of one fold, of one version of it, of one stream', async () => {
    await snapshots.keep(fold, 's', part(0, 1));
    await snapshots.keep(fold, 't', part(0, 2));
    expect(await all(snapshots, { ...fold, version: 1 })).toEqual([]);
    expect(await all(snapshots, { ...fold, name: 'other' })).toEqual([]);
    await snapshots.drop(fold, 's');
    expect(await all(snapshots)).toEqual([]);
    expect(await all(snapshots, fold, 't')).toEqual([part(0, 2)]);
  });

  it('are as they were when they were handed over, whatever is in them', async () => {
    const data = { text: 'a\u0000b', order: { b: 1, a: 2 } };
    const keeping = snapshots.keep(fold, 's', part(0, 1, data));
    data.text = 'changed since';
    await keeping;
    const [read] = await all(snapshots);
    expect(JSON.stringify(read?.data)).toBe('{"text":"a\\u0000b","order":{"b":1,"a":2}}');
  });
});

describe('snapshots in Postgres', () => {
  it('are not kept when they are too large', async () => {
    await postgres.keep(fold, 'large', part(0, 1, 'x'.repeat(10_000)));
    expect(await all(postgres, fold, 'large')).toEqual([]);
  });
});
