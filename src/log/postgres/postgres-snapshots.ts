import type pg from 'pg';
import type { Fold, Snapshot, Snapshots } from '../snapshots.ts';
import { openPool, rawTypes } from './connect.ts';
import type { PostgresLogOptions } from './options.ts';

/** Parts of a stream read at once. */
const PARTS_PER_READ = 10;
const CONNECTIONS_MAX = 2;

type Row = [from: string, revision: string, eventId: string, data: string];

/** Snapshots in a table beside the log. */
export class PostgresSnapshots implements Snapshots {
  readonly #pool: pg.Pool;
  readonly #keeping = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(
    private readonly options: PostgresLogOptions & { readonly snapshotBytesMax: number },
  ) {
    this.#pool = openPool(options, CONNECTIONS_MAX);
  }

  async *read({ name, version }: Fold, stream: string): AsyncGenerator<Snapshot> {
    for (let after = -1; ;) {
      const { rows } = await this.#pool.query<Row>({
        text: `select first_revision, last_revision, event_id, data::text from snapshots
          where fold = $1 and version = $2 and stream = $3 and first_revision > $4
          order by first_revision limit $5`,
        values: [name, version, stream, after, PARTS_PER_READ],
        rowMode: 'array',
        types: rawTypes,
      });
      for (const row of rows) {
        after = Number(row[0]);
        yield snapshotIn(row);
      }
      if (rows.length < PARTS_PER_READ) return;
    }
  }

  async lastUpTo(
    { name, version }: Fold,
    stream: string,
    revision: number,
  ): Promise<Snapshot | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'snapshot-up-to',
      text: `select first_revision, last_revision, event_id, data::text from snapshots
        where fold = $1 and version = $2 and stream = $3 and first_revision <= $4
          and last_revision <= $4
        order by first_revision desc limit 1`,
      values: [name, version, stream, revision],
      rowMode: 'array',
      types: rawTypes,
    });
    return rows[0] && snapshotIn(rows[0]);
  }

  async keep({ name, version }: Fold, stream: string, snapshot: Snapshot): Promise<void> {
    const { from, revision, eventId } = snapshot;
    const data = JSON.stringify(snapshot.data);
    if (this.#isClosed || Buffer.byteLength(data) > this.options.snapshotBytesMax) return;
    // Nodes keep the same streams; whichever is ahead, its part says all that the other's says.
    const keeping = this.#pool.query(
      `insert into snapshots
        (fold, version, stream, first_revision, last_revision, event_id, data)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (fold, version, stream, first_revision) do update
        set last_revision = excluded.last_revision,
          event_id = excluded.event_id, data = excluded.data
        where snapshots.last_revision < excluded.last_revision`,
      [name, version, stream, from, revision, eventId, data],
    );
    this.#keeping.add(keeping);
    await keeping.finally(() => this.#keeping.delete(keeping));
  }

  async drop({ name, version }: Fold, stream: string): Promise<void> {
    await this.#pool.query(
      'delete from snapshots where fold = $1 and version = $2 and stream = $3',
      [name, version, stream],
    );
  }

  /** Ends when what is being kept is kept; whatever comes later is not. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#keeping);
    await this.#pool.end();
  }
}

const snapshotIn = ([from, revision, eventId, data]: Row): Snapshot => ({
  from: Number(from),
  revision: Number(revision),
  eventId,
  data: JSON.parse(data) as unknown,
});
