import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { limits } from '../src/config.ts';
import { NO_STREAM, type EventLog, type NewEvent } from '../src/log/event-log.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import type { Bench } from './support/bench.ts';
import { quantile } from './support/quantile.ts';

const WARM_UP_MS = 1_000;
const MEASURE_MS = 3_000;
const STREAMS_PER_APPENDER = 16;
const EVENT_BYTES = 400;

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

/** What one writer does over and over. */
type Work = () => Promise<unknown>;

/** Runs the writers beside each other; `size` is how many events each does at a time. */
async function measure(writers: number, size: number, start: () => Work) {
  const begin = performance.now();
  const from = begin + WARM_UP_MS;
  const until = from + MEASURE_MS;
  const latencies: number[] = [];
  const write = async (work: Work): Promise<void> => {
    for (let now = begin; now < until;) {
      await work();
      const done = performance.now();
      if (now >= from && done <= until) latencies.push(done - now);
      now = done;
    }
  };
  await Promise.all(Array.from({ length: writers }, () => write(start())));
  return { perSecond: (latencies.length * size * 1000) / MEASURE_MS, latencies };
}

const meta = { at: new Date().toISOString(), actor: 'key:bench', commandId: randomUUID() };
const textLength = EVENT_BYTES - JSON.stringify(meta).length - JSON.stringify({ text: '' }).length;
const data = { text: 'x'.repeat(textLength) };

const newEvent = (): NewEvent => ({ id: randomUUID(), type: 'message.chunked', v: 1, data, meta });

/** Streams with their last revisions, one after another for ever. */
function* streamsInTurn(): Generator<{ stream: string; revision: number }, never> {
  const streams = Array.from({ length: STREAMS_PER_APPENDER }, () => ({
    stream: `session-${randomUUID()}`,
    revision: NO_STREAM,
  }));
  for (;;) yield* streams;
}

function appender(log: EventLog): Work {
  const turns = streamsInTurn();
  return async () => {
    const turn = turns.next().value;
    const { stream, revision } = turn;
    const answer = await log.append({ stream, expected: revision, events: [newEvent()] });
    turn.revision = answer.revision;
  };
}

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
      const { id, type, v } = newEvent();
      const texts = [JSON.stringify(data), JSON.stringify(meta)];
      return [value.stream, value.revision, id, type, v, EVENT_BYTES, ...texts];
    });
    return pool.query({ name: 'insert', text, values });
  };
}
