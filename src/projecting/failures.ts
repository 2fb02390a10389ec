import { cleanse } from '@playhead/contract';
import { QueryFailedError } from 'typeorm';

/** The events, or what a projection makes of them, are at fault. */
class PoisonError extends Error {}

/** Runs pure code: what it throws is distinguished from failures of the database. */
export function pure<T>(compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    throw new PoisonError(messageOf(cause), { cause });
  }
}

/**
 * Classes of SQLSTATE that a retry cannot cure: cardinality, data, integrity, and the limits of a
 * row, an index entry or a statement. All others (lost connections, full disks, missing tables,
 * deadlocks) are for the operator or pass by themselves.
 */
const POISON = /^(21|22|23|54)/;

/** Whether a failure is due to the events themselves: a retry would fail again. */
export function isPoison(failure: unknown): boolean {
  if (failure instanceof PoisonError) return true;
  const fault: unknown = failure instanceof QueryFailedError ? failure.driverError : failure;
  const { code } = Object(fault) as { code?: unknown };
  return typeof code === 'string' && POISON.test(code);
}

const STORED_LENGTH_MAX = 1_000;

/** What a failure says, for a table: it may quote the text that Postgres could not store. */
export const storableMessageOf = (failure: unknown): string =>
  cleanse(messageOf(failure).slice(0, STORED_LENGTH_MAX)).value;

/** What a failure says, whatever was thrown. */
export const messageOf = (failure: unknown): string =>
  failure instanceof Error ? failure.message : String(failure);
