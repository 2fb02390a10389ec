import { cleanse, type ParticipantView, type SessionView } from '@playhead/contract';
import type { TableReader } from '../../src/projecting/columns.ts';
import { ParticipantRow } from '../participants.ts';
import { SessionRow } from '../sessions.ts';
import { orderOf, SessionOrderRow } from './session-order.ts';
import type { Values } from './values.ts';

/** Sessions that a list shows as they were, whatever their rows say by now. */
export interface SessionsAsOf {
  /** Whose rows do not count. */
  readonly changed: readonly string[];
  /** What those of them were that there were. */
  readonly sessions: readonly SessionView[];
  readonly participants: readonly ParticipantView[];
}

/**
 * The tables of a list's statement as they were: each under its own name, so that the statement
 * reads them in place of the real ones.
 */
export function asOfTables(
  database: TableReader,
  asOf: SessionsAsOf | undefined,
  values: Values,
): string[] {
  if (!asOf) return [];
  const { changed, sessions, participants } = asOf;
  const ids = values.add(changed);
  // Read once for each use: together they would be copied whole before anything else.
  const table = (name: string, rows: readonly object[]): string => {
    // Another program may have written to the log what no table can hold.
    const then = values.add(JSON.stringify(rows.map((row) => cleanse(row).value)));
    return `${name} as not materialized (
      select * from ${name} where session_id <> all(${ids}::text[])
      union all
      select * from json_populate_recordset(null::${name}, ${then}::json)
    )`;
  };
  return [
    table('sessions', rowsOf(database, SessionRow, sessions)),
    table('participants', rowsOf(database, ParticipantRow, participants)),
    table(
      'session_order',
      rowsOf(
        database,
        SessionOrderRow,
        sessions.map((session) => orderOf(session)),
      ),
    ),
  ];
}

/** Views under the names of their table's columns. */
function rowsOf(
  database: TableReader,
  entity: Parameters<TableReader['getMetadata']>[0],
  views: readonly object[],
): object[] {
  const { columns } = database.getMetadata(entity);
  return views.map((view) =>
    Object.fromEntries(
      columns.map(({ databaseName, propertyName }) => [
        databaseName,
        (view as Readonly<Record<string, unknown>>)[propertyName],
      ]),
    ),
  );
}
