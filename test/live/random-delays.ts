import { setImmediate as nextTurn } from 'node:timers/promises';
import type { EventLog, FollowedBatch } from '../../src/log/event-log.ts';

/** Waits none, some or many turns of the loop, as the numbers say, round and round. */
export const pausing = (numbers: readonly number[]) => {
  let at = 0;
  return async (): Promise<void> => {
    const turns = numbers[at++ % numbers.length] ?? 0;
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
  };
};

/** The batch in pieces of one event, each with a place to stop at. */
const piecesOf = (batch: FollowedBatch): FollowedBatch[] => {
  const pieces = batch.events.map((event) => ({
    events: [event],
    through: event.position,
    caughtUp: false,
  }));
  return [...pieces, { events: [], through: batch.through, caughtUp: batch.caughtUp }];
};

/**
 * The same log as seen by somebody unlucky: reads are answered late, so that their answers are old;
 * the follower lags, and hands over an event at a time.
 */
export const slowed = (log: EventLog, pause: () => Promise<void>): EventLog => {
  const late = async <T>(ask: () => Promise<T>): Promise<T> => {
    await pause();
    const answer = await ask();
    await pause();
    return answer;
  };
  return {
    epoch: log.epoch,
    append: (append) => log.append(append),
    read: async (stream, options) => {
      const events = await late(() => log.read(stream, options));
      // That there was nothing is answered last of all.
      if (events.length === 0) for (let times = 0; times < 3; times += 1) await pause();
      return events;
    },
    last: (stream) => late(() => log.last(stream)),
    readAll: (options) => late(() => log.readAll(options)),
    head: () => log.head(),
    newest: () => log.newest(),
    follow: (after, handle) =>
      log.follow(after, async (batch) => {
        for (const piece of piecesOf(batch)) {
          await pause();
          await handle(piece);
        }
      }),
    close: () => log.close(),
  };
};
