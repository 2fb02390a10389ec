import { limits } from '../src/config.ts';
import { NO_STREAM, type EventLog } from '../src/log/event-log.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import { copyLog } from '../src/operate/copy-log.ts';
import { newEvent } from './support/appending.ts';
import type { Bench, BenchContext } from './support/bench.ts';
import { openBenchEventStore } from './support/event-store.ts';

const STREAMS = 200;
const EVENTS_PER_STREAM = 100;
const EVENTS_PER_APPEND = 10;

/** A log of 20,000 events in 200 streams from one Postgres to another, counted and compared. */
export const copyPostgres: Bench = {
  name: 'copy.postgres',
  run: (context) =>
    withPostgres(context, (from) =>
      withPostgres(context, async (to) => {
        await fill(from);
        return [await copied('', from, to)];
      }),
    ),
};

/** The same from Postgres to EventStoreDB, and back into another Postgres. */
export const copyEsdb: Bench = {
  name: 'copy.esdb',
  needs: 'EVENTSTORE_URL',
  run: (context) =>
    withPostgres(context, (from) =>
      withPostgres(context, async (back) => {
        const { log } = await openBenchEventStore();
        await fill(from);
        const figures = [await copied('there', from, log), await copied('back', log, back)];
        await log.close();
        return figures;
      }),
    ),
};

async function withPostgres<T>(
  context: BenchContext,
  work: (log: EventLog) => Promise<T>,
): Promise<T> {
  const database = await context.freshDatabase();
  const log = await openPostgresLog({ ...limits, connectionString: database.url });
  try {
    return await work(log);
  } finally {
    await log.close();
    await database.drop();
  }
}

async function fill(log: EventLog): Promise<void> {
  for (let nth = 0; nth < EVENTS_PER_STREAM; nth += EVENTS_PER_APPEND) {
    const lines = Array.from({ length: STREAMS }, (_, line) => {
      const events = Array.from({ length: EVENTS_PER_APPEND }, newEvent);
      return log.append({ stream: `session-${line}`, expected: NO_STREAM + nth, events });
    });
    await Promise.all(lines);
  }
}

async function copied(name: string, from: EventLog, to: EventLog) {
  const begin = performance.now();
  const { events } = await copyLog(from, to, limits);
  return { name, value: (events * 1000) / (performance.now() - begin), unit: 'events/s' };
}
