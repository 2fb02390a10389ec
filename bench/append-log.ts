import pg from 'pg';
import { limits } from '../src/config.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import {
  appender,
  EVENT_BYTES,
  measure,
  newEvent,
  streamsInTurn,
  type Work,
} from './support/appending.ts';
import type { Bench } from './support/bench.ts';
import { quantile } from './support/quantile.ts';

/**
 * So many concurrent appenders, each with one event an append and several streams in turn, beside
 * the same rows written by plain multi-row inserts of the same batch size over a pool.
 */
const appendLog = (appenders: number): Bench => ({
  name: `append.log.${appenders}`,
  async run(context) {
    const database = await context.freshDatabase();
    const log = await openPostgresLog({ connectionString: database.url, ...limits });
    const ours = await measure(appenders, 1, () => appender(log));
    await log.close();
    const raw = await measureRaw(database.url, appenders);
    await database.drop();
    return [
      { name: '', value: ours.perSecond, unit: 'events/s' },
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'raw', value: raw.perSecond, unit: 'events/s' },
      { name: 'of_raw', value: ours.perSecond / raw.perSecond, unit: 'ratio' },
    ];
  },
});

/** Each waits for the one before: what a single caller feels. */
export const appendBy1 = appendLog(1);
/** A moderate load. */
export const appendBy32 = appendLog(32);
/** Two full batches under way: what the log can carry. */
export const appendBy256 = appendLog(256);

/** Plain inserts may run beside each other, and their positions come from a sequence. */
async function measureRaw(url: string, appenders: number) {
  const rows = Math.min(appenders, limits.batchEventsMax);
  const pool = new pg.Pool({ connectionString: url, max: appenders / rows });
  await pool.query('create table raw_events (like events including all)');
  await pool.query('alter table raw_events alter position add generated always as identity');
  const measured = await measure(appenders / rows, rows, () => rawWriter(pool, rows));
  await pool.end();
  return measured;
}

function rawWriter(pool: pg.Pool, rows: number): Work {
  const columns = ['stream', 'revision', 'id', 'type', 'v', 'bytes', 'data', 'meta'];
  const row = (nth: number): string =>
    `(${columns.map((_, column) => `$${nth * columns.length + column + 1}`).join(',')})`;
  const places = Array.from({ length: rows }, (_, nth) => row(nth)).join(',');
  const text = `insert into raw_events (${columns.join(',')}) values ${places}`;
  const turns = Array.from({ length: rows }, () => streamsInTurn());
  return () => {
    const values = turns.flatMap((turn) => {
      const { value } = turn.next();
      value.revision += 1;
      const { id, type, v, data, meta } = newEvent();
      const texts = [JSON.stringify(data), JSON.stringify(meta)];
      return [value.stream, value.revision, id, type, v, EVENT_BYTES, ...texts];
    });
    return pool.query({ name: 'insert', text, values });
  };
}
