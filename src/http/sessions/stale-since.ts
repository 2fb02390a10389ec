import type { DataSource } from 'typeorm';
import { parkedSince } from '../../projecting/parked-sessions.ts';
import type { Projector } from '../../projecting/projector.ts';

/** What is asked for sessions that are not kept up to date. */
interface Source {
  readonly database: DataSource;
  readonly projector: Projector;
}

/**
 * Since when rows of some sessions are not kept up to date, in the read models that an answer is
 * made from; without an entry they are. Costs no statement while nothing is parked there.
 */
export async function staleSince(
  { database, projector }: Source,
  readModels: readonly string[],
  sessionIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (sessionIds.length === 0 || !projector.hasParked(readModels)) return new Map();
  return parkedSince(database, readModels, sessionIds);
}

/** The field of an answer that says so: absent when there is nothing to say. */
export const staleField = (at: string | undefined): { readonly staleSince?: string } =>
  at === undefined ? {} : { staleSince: at };
