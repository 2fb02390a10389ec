import type { EventMeta } from '@playhead/contract';
import { sessionIdOf } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import type { EventLog, RecordedEvent, StreamRange, StreamReader } from '../../log/event-log.ts';
import { copySchemas } from '../copies.ts';
import type { Database } from './jobs.ts';
import { CopyText, type CopyConnection } from './copy-rows.ts';

const TABLE = `${copySchemas.rebuild}.staged_events`;

const COLUMNS = [
  ...['stream', 'revision', 'position', 'id', 'type', 'v', 'bytes'].map((name) => [name, 'text']),
  ...['data', 'meta'].map((name) => [name, 'json']),
].map(([name = '', type = '']) => ({ name, type, property: name }));

/**
 * Copies the events of all sessions, up to a position, from a log that cannot be read stream by
 * stream into a table that can. What an earlier try has copied is not copied again.
 */
export async function stageEvents(
  dataSource: DataSource,
  log: EventLog,
  { through, limit, signal }: { through: string; limit: number; signal: AbortSignal },
): Promise<void> {
  await dataSource.query(
    `create schema if not exists ${copySchemas.rebuild};
     create table if not exists ${TABLE} (
       stream text collate "C" not null, revision integer not null,
       position text collate "C" not null, id text not null, type text not null,
       v integer not null, bytes integer not null, data json not null, meta json not null)`,
  );
  const [staged] = await dataSource.query<{ position: string | null }[]>(
    `select max(position) as position from ${TABLE}`,
  );
  const runner = dataSource.createQueryRunner();
  try {
    const connection = (await runner.connect()) as CopyConnection;
    const copied = new CopyText(TABLE, COLUMNS);
    for (let after = staged?.position ?? ''; after < through;) {
      signal.throwIfAborted();
      const page = await log.readAll({ after, limit });
      const last = page.at(-1);
      if (!last) break;
      const due = page.filter(
        ({ stream, position }) => position <= through && sessionIdOf(stream) !== undefined,
      );
      for (const event of due) copied.add({ ...event });
      await copied.send(connection);
      after = last.position;
    }
  } finally {
    await runner.release();
  }
  await dataSource.query(
    `create unique index if not exists staged_events_by_stream on ${TABLE} (stream, revision)`,
  );
  await dataSource.query(`analyze ${TABLE}`);
}

/** How many events are staged. */
export async function countStaged(database: Database): Promise<number> {
  const [found] = await database.query<{ events: number }[]>(
    `select count(*)::float8 as events from ${TABLE}`,
  );
  return found?.events ?? 0;
}

/** Drops what was staged. */
export const dropStaged = async (dataSource: DataSource): Promise<void> => {
  await dataSource.query(`drop table if exists ${TABLE}`);
};

type Row = Omit<RecordedEvent, 'data' | 'meta'> & { data: string; meta: string };

/** Reads what was staged. */
export class StagedEvents implements StreamReader {
  constructor(private readonly dataSource: DataSource) {}

  async split(range: Pick<StreamRange, 'after' | 'until'>, parts: number): Promise<string[]> {
    const shares = Array.from({ length: parts - 1 }, (_, nth) => (nth + 1) / parts);
    if (shares.length === 0) return [];
    const [found] = await this.dataSource.query<{ streams: string[] | null }[]>(
      `select percentile_disc($1::float8[]) within group (order by stream) as streams
       from ${TABLE} where stream > $2 and stream <= $3`,
      [shares, range.after, range.until],
    );
    return [...new Set(found?.streams ?? [])];
  }

  async *read(range: StreamRange): AsyncGenerator<readonly RecordedEvent[]> {
    const pageAfter = (stream: string, revision: number): Promise<Row[]> =>
      this.dataSource.query<Row[]>(
        // Large values are fetched only for the rows that fit in the page.
        `select stream, revision, position, id, type, v, bytes, data::text, meta::text from (
           select *, sum(bytes) over (order by stream, revision) - bytes as before from (
             select * from ${TABLE}
             where (stream, revision) > ($1, $2::int) and stream <= $3 and position <= $4
             order by stream, revision limit $5) as next) as counted
         where before <= $6 order by stream, revision`,
        [stream, revision, range.until, range.through, range.limit, range.bytesMax],
      );
    for (let page = await pageAfter(range.after, INTEGER_MAX); ;) {
      const last = page.at(-1);
      if (!last) return;
      yield page.map(({ data, meta, ...event }) => ({
        ...event,
        data: JSON.parse(data) as unknown,
        meta: JSON.parse(meta) as EventMeta,
      }));
      page = await pageAfter(last.stream, last.revision);
    }
  }
}

/** No revision is greater: a stream is passed over whole. */
const INTEGER_MAX = 2 ** 31 - 1;
