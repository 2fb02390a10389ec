import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type {
  Appended,
  EventLog,
  FollowedBatch,
  LogError,
  NewEvent,
  RecordedEvent,
} from '../../src/log/event-log.ts';

/** An event of no particular kind. */
export const anEvent = (data: unknown = {}, id: string = randomUUID()): NewEvent => ({
  id,
  type: 'test.happened',
  v: 1,
  data,
  meta: { at: '2026-01-01T00:00:00.000Z', actor: 'system', commandId: 'c' },
});

export const someEvents = (count: number): NewEvent[] =>
  Array.from({ length: count }, (_, nth) => anEvent({ nth }));

/** An event whose data and meta together are exactly so many bytes of JSON. */
export const eventOfBytes = (bytes: number): NewEvent => {
  const empty = anEvent({ text: '' });
  const rest = bytes - JSON.stringify(empty.data).length - JSON.stringify(empty.meta).length;
  return { ...empty, data: { text: 'x'.repeat(rest) } };
};

/** What an append that must fail fails with. */
export const failureOf = (appending: Promise<Appended>): Promise<LogError> =>
  appending.then(
    (answer) => {
      throw new Error(`was stored: ${JSON.stringify(answer)}`);
    },
    (fault: unknown) => fault as LogError,
  );

export const codeOf = async (appending: Promise<Appended>): Promise<string> =>
  (await failureOf(appending)).code;

/** Resolves when it holds. Throws with `what` when it does not in time. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 10_000,
): Promise<void> {
  for (const end = performance.now() + ms; !(await holds()); await sleep(5)) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
  }
}

/** Everything a follower was given. */
export interface Collected {
  readonly events: RecordedEvent[];
  readonly batches: FollowedBatch[];
  /** Resolves when so many events have come. */
  readonly holds: (count: number, ms?: number) => Promise<void>;
  readonly stop: () => Promise<void>;
}

export function collect(log: EventLog, after: string): Collected {
  const events: RecordedEvent[] = [];
  const batches: FollowedBatch[] = [];
  const follower = log.follow(after, (batch) => {
    events.push(...batch.events);
    batches.push(batch);
  });
  const holds = (count: number, ms?: number): Promise<void> =>
    eventually(`${count} events, not ${events.length}`, () => events.length >= count, ms);
  return { events, batches, holds, stop: () => follower.stop() };
}

/** All events of a stream. */
export const eventsOf = (log: EventLog, stream: string): Promise<RecordedEvent[]> =>
  log.read(stream, { after: -1, limit: 1_000_000 });

export const idsOf = (events: readonly { readonly id: string }[]): string[] =>
  events.map(({ id }) => id);
