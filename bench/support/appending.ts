import { randomUUID } from 'node:crypto';
import { NO_STREAM, type EventLog, type NewEvent } from '../../src/log/event-log.ts';

const WARM_UP_MS = 1_000;
const MEASURE_MS = 3_000;
const STREAMS_PER_APPENDER = 16;

/** Data and meta of one event. */
export const EVENT_BYTES = 400;

/** What one writer does over and over. */
export type Work = () => Promise<unknown>;

/** Runs the writers beside each other; `size` is how many events each does at a time. */
export async function measure(writers: number, size: number, start: () => Work) {
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

/** An event of `EVENT_BYTES`. */
export const newEvent = (): NewEvent => ({
  id: randomUUID(),
  type: 'message.chunked',
  v: 1,
  data,
  meta,
});

/** Streams with their last revisions, one after another for ever. */
export function* streamsInTurn(): Generator<{ stream: string; revision: number }, never> {
  const streams = Array.from({ length: STREAMS_PER_APPENDER }, () => ({
    stream: `session-${randomUUID()}`,
    revision: NO_STREAM,
  }));
  for (;;) yield* streams;
}

/** Appends one event after another, to one stream after another. */
export function appender(log: EventLog): Work {
  const turns = streamsInTurn();
  return async () => {
    const turn = turns.next().value;
    const { stream, revision } = turn;
    const answer = await log.append({ stream, expected: revision, events: [newEvent()] });
    turn.revision = answer.revision;
  };
}
