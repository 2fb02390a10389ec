import type { RecordedEvent, StreamRange, StreamReader } from '../event-log.ts';
import { numberOf } from '../positions.ts';
import { readStreams, type Page, type Queryable } from './reader.ts';

/** No revision is greater: a stream is passed over whole. */
const INTEGER_MAX = 2 ** 31 - 1;

/** Events that are looked at to find where streams are split. */
const SAMPLES = 2_000;

/** Reads streams in the order of the index of streams and revisions. */
export class PostgresStreamReader implements StreamReader {
  constructor(private readonly database: Queryable) {}

  async split(range: Pick<StreamRange, 'after' | 'until'>, parts: number): Promise<string[]> {
    // Positions have no holes: some at equal distances are a fair sample of all events.
    const { rows } = await this.database.query<{ stream: string }>(
      `select stream from events where position in (
         select distinct ((select max(position) from events) * nth) / $1::bigint
         from generate_series(1, $1::bigint) as nth
       ) and stream > $2 and stream <= $3
       order by stream`,
      [SAMPLES, range.after, range.until],
    );
    const found = Array.from(
      { length: parts - 1 },
      (_, nth) => rows[Math.floor((rows.length * (nth + 1)) / parts)]?.stream,
    );
    return [...new Set(found)].filter((stream) => stream !== undefined);
  }

  async *read(range: StreamRange): AsyncGenerator<readonly RecordedEvent[]> {
    const end = { until: range.until, through: numberOf(range.through) };
    const pageAfter = (stream: string, revision: number): Promise<Page> => {
      const page = readStreams(this.database, { stream, revision }, end, range);
      // It is asked for ahead: whoever reads may be gone before anybody waits for it.
      page.catch(() => undefined);
      return page;
    };
    let coming = pageAfter(range.after, INTEGER_MAX);
    for (;;) {
      const { events, isLast } = await coming;
      const last = events.at(-1);
      if (!last) return;
      if (!isLast) coming = pageAfter(last.stream, last.revision);
      yield events;
      if (isLast) return;
    }
  }
}
