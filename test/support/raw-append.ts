import { randomUUID } from 'node:crypto';
import type pg from 'pg';

/** Appends one event by calling the function for many; answers the event's id. */
export async function appendRaw(client: pg.ClientBase, stream: string): Promise<string> {
  const id = randomUUID();
  const { rows } = await client.query<{ befores: string[] }>(
    `select befores from append_events(
       array[$1], array[null]::int[], array[1], array[$2]::uuid[], array['test.raw'], array[1],
       array['{}'], array['{"at":"2026-01-01T00:00:00.000Z"}'])`,
    [stream, id],
  );
  if (rows[0]?.befores[0] === null) throw new Error('not stored');
  return id;
}

/** Appends one event by calling the function for one; answers the event's id. */
export async function appendRawAlone(client: pg.ClientBase, stream: string): Promise<string> {
  const id = randomUUID();
  const meta = '{"at":"2026-01-01T00:00:00.000Z"}';
  const { rows } = await client.query<{ before: string | null }>(
    `select before from append_event($1, null, $2, 'test.raw', 1, '{}', $3)`,
    [stream, id, meta],
  );
  if (rows[0]?.before === null) throw new Error('not stored');
  return id;
}
