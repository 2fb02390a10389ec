const DAY = String.raw`\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d`;

/** In UTC, on a day that every month has: nothing carries over, so its parts are the answer's. */
const PLAIN = new RegExp(String.raw`^(${DAY}T${TIME})(?:\.(\d+))?Z$`);
const PARTS = /^(.{19})(?:\.(\d+))?(Z|[+-]\d{2}:?\d{2})$/;

const normalised = (text: string): string | undefined => {
  const plain = PLAIN.exec(text);
  if (plain) return `${plain[1]}.${nanoseconds(plain[2])}Z`;
  const parts = PARTS.exec(text);
  if (!parts) return undefined;
  const milliseconds = Date.parse(`${parts[1]}${parts[3]}`);
  if (Number.isNaN(milliseconds)) return undefined;
  const utc = new Date(milliseconds).toISOString();
  if (utc.length !== 24) return undefined;
  return `${utc.slice(0, 19)}.${nanoseconds(parts[2])}Z`;
};

const nanoseconds = (fraction = ''): string => fraction.slice(0, 9).padEnd(9, '0');

/** Whether a text is a time from the years 0000 to 9999 in UTC. */
export const isInstant = (text: string): boolean => normalised(text) !== undefined;

/**
 * The same instant in UTC with exactly nine fraction digits, so that times compare as strings.
 * Digits beyond nanoseconds are cut. A text that is no instant gives the earliest one.
 */
export const comparableInstant = (text: string): string =>
  normalised(text) ?? '0000-01-01T00:00:00.000000000Z';

/** Producers' clocks may be so far ahead of the service's before their times are not believed. */
export const CLOCK_SKEW_MAX_MS = 5 * 60_000;

/**
 * No session of people and agents is older: an earlier time is that of a clock that was not set.
 */
export const EARLIEST_INSTANT = '2000-01-01T00:00:00.000000000Z';

/**
 * When an event happened, as views and lists show it: what the producer said (`occurredAt`), or,
 * where that cannot be true, when the service received it (`at`). So a wrong clock pins no session
 * to an end of a list. The event keeps what was sent.
 */
export function happenedAt({
  at,
  occurredAt,
}: {
  readonly at: string;
  readonly occurredAt?: string | undefined;
}): string {
  const received = comparableInstant(at);
  if (occurredAt === undefined) return received;
  const said = comparableInstant(occurredAt);
  if (said < EARLIEST_INSTANT) return received;
  // As strings first: nearly every time lies before its reception.
  const isBelievable = said <= received || Date.parse(said) - Date.parse(at) <= CLOCK_SKEW_MAX_MS;
  return isBelievable ? said : received;
}
