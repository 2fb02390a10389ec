import type { SessionEvent } from './envelope.ts';
import { happenedAt } from './instants.ts';

/** How many times as fast as it happened a session may be replayed. */
export const REPLAY_SPEED_MIN = 0.01;
export const REPLAY_SPEED_MAX = 100_000;

/** The speed that a text such as `10`, `0.5` or `10x` stands for; undefined for any other. */
export function replaySpeedIn(text: string): number | undefined {
  const [, digits] = /^(\d{1,6}(?:\.\d{1,6})?)x?$/.exec(text) ?? [];
  const speed = Number(digits);
  return speed >= REPLAY_SPEED_MIN && speed <= REPLAY_SPEED_MAX ? speed : undefined;
}

/** How fast a session is replayed. */
export interface ReplayPace {
  /** How many times as fast as it happened. */
  readonly speed: number;
  /** The longest pause in milliseconds of the replay: a longer one is shortened to it. */
  readonly pauseMaxMs: number;
}

/** Where a replay is. */
export interface ReplayMoment {
  /** How long to wait before the event, in milliseconds. */
  readonly pauseMs: number;
  /** When the last of the events up to here happened, in milliseconds since 1970. */
  readonly happenedMs: number;
}

/**
 * The pause before an event of a replay, by when things happened; none before the first one. Events
 * keep their order: one that happened before another that came earlier is shown right behind it.
 */
export function replayMoment(
  before: ReplayMoment | undefined,
  { meta }: Pick<SessionEvent, 'meta'>,
  { speed, pauseMaxMs }: ReplayPace,
): ReplayMoment {
  const happened = Date.parse(happenedAt(meta));
  if (!before) return { pauseMs: 0, happenedMs: happened };
  const happenedMs = Math.max(before.happenedMs, happened);
  const pauseMs = Math.min((happenedMs - before.happenedMs) / speed, pauseMaxMs);
  return { pauseMs, happenedMs };
}
