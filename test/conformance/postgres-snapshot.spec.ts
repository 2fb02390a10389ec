import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { postgresStore } from './postgres-store.ts';

const call = {
  name: 'append',
  text: `select befores from append_events(array[$1], array[$2::int], array[1], array[$3]::uuid[],
           array['test.raw'], array[1], array['{}'], array['{}'])`,
};

/** Calls the append function one batch after another; answers how long each took. */
async function batches(client: pg.Client, count: number): Promise<number[]> {
  const stream = `session-${randomUUID()}`;
  const took: number[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const start = performance.now();
    await client.query({ ...call, values: [stream, nth - 1, randomUUID()] });
    took.push(performance.now() - start);
  }
  return took;
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? NaN;

describe('appends beside a snapshot that stays open', () => {
  it('stay as fast over 20,000 batches', async () => {
    const store = await postgresStore();
    const [writer, reader] = [await store.connect(), await store.connect()];
    // What a disk takes would hide what the snapshot costs.
    await writer.query('set synchronous_commit = off');
    await batches(writer, 500);
    const before = await batches(writer, 4_000);

    await reader.query('begin isolation level repeatable read');
    const { rows } = await reader.query('select count(*)::int as count from events');
    await batches(writer, 16_000);
    const beside = await batches(writer, 4_000);
    expect((await reader.query('select count(*)::int as count from events')).rows).toEqual(rows);
    await reader.query('commit');

    const after = await batches(writer, 4_000);
    expect(median(beside)).toBeLessThan(2 * median([...before, ...after]));
    await store.drop();
  }, 300_000);
});
