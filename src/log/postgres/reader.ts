import type pg from 'pg';
import { decode } from '../codec.ts';
import { boundedPage, type PageBounds } from '../pages.ts';
import type { RecordedEvent } from '../event-log.ts';
import { positionOf } from '../positions.ts';
import { rawTypes } from './connect.ts';

/** A connection, or a pool of them. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** A page of events in order, and whether there was nothing beyond it when it was read. */
export interface Page {
  readonly events: RecordedEvent[];
  readonly isLast: boolean;
}

type Row = [
  position: string,
  stream: string,
  revision: string,
  id: string,
  type: string,
  v: string,
  bytes: string,
  data: string,
  meta: string,
];

const columns = 'position, stream, revision, id, type, v, bytes, data::text, meta::text';

/**
 * One event more than fits comes along, if there is one, so that the reader knows of it. Large
 * values are only fetched for rows that pass the sum of sizes.
 */
const pageOf = (order: 'position' | 'revision' | 'stream, revision', condition: string): string => `
  select ${columns}
  from (
    select *, sum(bytes) over (order by ${order}) - bytes as bytes_before
    from (select * from events where ${condition} order by ${order} limit $1) as next
  ) as counted
  where bytes_before <= $2
  order by ${order}`;

const ofAll = pageOf('position', 'position > $3');
const ofStream = pageOf('revision', 'stream = $3 and revision > $4');
const ofStreams = pageOf(
  'stream, revision',
  '(stream, revision) > ($3, $4::int) and stream <= $5 and position <= $6::bigint',
);
const lastOfStream = `
  select ${columns} from events where stream = $1 order by revision desc limit 1`;
const newestOfAll = `select ${columns} from events order by position desc limit 1`;

/** Events of all streams beyond the n-th. */
export const readAll = (from: Queryable, after: number, bounds: PageBounds): Promise<Page> =>
  readPage(from, ofAll, bounds, [after]);

/** Events of one stream beyond a revision. */
export const readStream = (
  from: Queryable,
  stream: string,
  after: number,
  bounds: PageBounds,
): Promise<Page> => readPage(from, ofStream, bounds, [stream, after]);

/** Events of some streams beyond a revision of the first, in the order of streams and revisions. */
export const readStreams = (
  from: Queryable,
  after: { readonly stream: string; readonly revision: number },
  { until, through }: { readonly until: string; readonly through: number },
  bounds: PageBounds,
): Promise<Page> =>
  readPage(from, ofStreams, bounds, [after.stream, after.revision, until, through]);

/** The last event of a stream, `undefined` for an empty one. */
export async function readLast(
  from: Queryable,
  stream: string,
): Promise<RecordedEvent | undefined> {
  const [last] = await rowsOf<Row>(from, lastOfStream, [stream]);
  return last && read(last);
}

/** The last event of all streams, `undefined` for an empty log. */
export async function readNewest(from: Queryable): Promise<RecordedEvent | undefined> {
  const [newest] = await rowsOf<Row>(from, newestOfAll, []);
  return newest && read(newest);
}

/** How many events the log holds. */
export async function readHead(from: Queryable): Promise<number> {
  const [row] = await rowsOf<[string | null]>(from, 'select max(position) from events', []);
  return Number(row?.[0] ?? 0);
}

/** The id of the n-th event. */
export async function readId(from: Queryable, n: number): Promise<string | undefined> {
  const [row] = await rowsOf<[string]>(from, 'select id from events where position = $1', [n]);
  return row?.[0];
}

async function readPage(
  from: Queryable,
  text: string,
  bounds: PageBounds,
  values: unknown[],
): Promise<Page> {
  const bytesMax = Math.min(bounds.bytesMax, Number.MAX_SAFE_INTEGER);
  const rows = await rowsOf<Row>(from, text, [bounds.limit + 1, bytesMax, ...values]);
  const sized = rows.map((row) => ({ row, bytes: Number(row[6]) }));
  const page = boundedPage(sized, bounds);
  return { events: page.map(({ row }) => read(row)), isLast: page.length === rows.length };
}

async function rowsOf<R extends unknown[]>(
  from: Queryable,
  text: string,
  values: unknown[],
): Promise<R[]> {
  const { rows } = await from.query<R>({ text, values, rowMode: 'array', types: rawTypes });
  return rows;
}

const read = ([position, stream, revision, id, type, v, bytes, data, meta]: Row): RecordedEvent =>
  decode({
    position: positionOf(position),
    stream,
    revision: Number(revision),
    id,
    type,
    v: Number(v),
    bytes: Number(bytes),
    data,
    meta,
  });
