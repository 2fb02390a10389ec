import { QueryFailedError } from 'typeorm';

/** Something in the events, or a projection's way with them, is at fault. */
class Unprojectable extends Error {}

/** Tells what pure code throws from what the database does. */
export function pure<T>(compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    throw new Unprojectable(messageOf(cause), { cause });
  }
}

/**
 * Classes of SQLSTATE that a retry cannot cure: cardinality, data, integrity, and the limits of a
 * row, an index entry or a statement. All others (lost connections, full disks, missing tables,
 * deadlocks) are for the operator or pass by themselves.
 */
const OF_CONTENT = /^(21|22|23|54)/;

/** Whether a failure is due to the events that were to be written; the same would fail again. */
export function isOfContent(failure: unknown): boolean {
  if (failure instanceof Unprojectable) return true;
  const fault: unknown = failure instanceof QueryFailedError ? failure.driverError : failure;
  const { code } = Object(fault) as { code?: unknown };
  return typeof code === 'string' && OF_CONTENT.test(code);
}

/** What a failure says, whatever was thrown. */
export const messageOf = (failure: unknown): string =>
  failure instanceof Error ? failure.message : String(failure);
