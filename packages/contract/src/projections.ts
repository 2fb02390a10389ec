import * as z from 'zod';
import { sessionEvent } from './envelope.ts';
import { id } from './ids.ts';

/** Longest reason for skipping an event, in UTF-16 units. */
const WHY_LENGTH_MAX = 500;

/** A session of which a projection takes no more events, because one cannot be folded. */
export const parkedSession = z.object({
  projection: z.string(),
  sessionId: z.string(),
  /** Of the event that cannot be folded. */
  revision: z.number().int(),
  eventId: z.string(),
  error: z.string(),
  /** Since when the session's rows are not kept up to date. */
  at: z.iso.datetime(),
});
export type ParkedSessionShape = z.infer<typeof parkedSession>;

/** Parked sessions, those that were parked first, and how many there are. */
export const parkedListed = z.object({
  parked: z.array(parkedSession),
  total: z.number().int(),
});

/** A parked session with what it waits for. */
export const parkedShown = parkedSession.extend({
  /** The event that cannot be folded; null when the log does not have it. */
  event: sessionEvent.nullable(),
  /** Later events of the session, which wait. */
  waiting: z.number().int().nonnegative(),
});
export type ParkedShown = z.infer<typeof parkedShown>;

/** Why an event is left out. */
export const skipParked = z.strictObject({
  why: z.string().trim().min(1).max(WHY_LENGTH_MAX),
});

/** Which session of a read model is folded again. */
export const healSession = z.strictObject({ sessionId: id });

/** What came of folding a session again. */
export const sessionRefolded = z.object({
  projection: z.string(),
  sessionId: z.string(),
  /** Where the session is parked now, null when it is not. */
  parked: parkedSession.nullable(),
  /** Rows that were written or deleted. */
  written: z.number().int().nonnegative(),
});
export type SessionRefolded = z.infer<typeof sessionRefolded>;

/** Something in which a row is not what the log says. */
export const rowDifference = z.object({
  sessionId: z.string(),
  /** `poison`: the session cannot be folded, though it is not parked. */
  kind: z.enum(['value', 'missing', 'extra', 'poison']),
  /** Which row of the session. */
  key: z.string(),
  /** The column of the table; empty where the whole row is meant. */
  column: z.string(),
  revision: z.number().int().nullable(),
  /** The beginning of the value that the log gives, as Postgres writes it. */
  expected: z.string().nullable(),
  stored: z.string().nullable(),
  foundAt: z.iso.datetime(),
});
export type RowDifferenceShape = z.infer<typeof rowDifference>;

/** The differences that were found in a read model and not healed since, the last ones first. */
export const differencesListed = z.object({ differences: z.array(rowDifference) });
