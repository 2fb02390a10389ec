import type { EntityManager } from 'typeorm';
import type { RowTable, TableColumn } from '../row-table.ts';

/** A row that is not the same in both copies, in one column. */
export interface Difference {
  readonly session: string;
  /** Of the row within its session; null where a session has one row. */
  readonly key: string | null;
  /** `(missing)`: the row is in the old copy alone; `(added)`: in the new one alone. */
  readonly column: string;
  readonly old: string | null;
  readonly new: string | null;
}

/** What the comparison of two copies at one position found. */
export interface Comparison {
  readonly position: string;
  readonly rows: { readonly old: number; readonly new: number };
  /** Sums of hashes of all rows, without the columns that may differ. */
  readonly digests: { readonly old: string; readonly new: string };
  /**
   * How many rows differ, by column, `(missing)` and `(added)`; `(rollup)`: how many groups of the
   * new copy's rollup are not the sums of its rows.
   */
  readonly differing: Readonly<Record<string, number>>;
  /** The first rows that differ. */
  readonly differences: readonly Difference[];
  /** Columns that were not compared: the new version declares that they change. */
  readonly notCompared: readonly string[];
  readonly tookMs: number;
}

/** Rows of an answer that differ, at most. */
const DIFFERENCES_MAX = 10;
/** Characters of a value that are shown. */
const SHOWN_MAX = 200;

interface Sides {
  readonly old: RowTable;
  readonly new: RowTable;
}

/**
 * Compares two copies of a read model, in a transaction whose snapshot holds both at one position.
 * Rows are hashed first, which is quick; only when the sums differ each row is looked at.
 */
export async function compareCopies(
  snapshot: EntityManager,
  sides: Sides,
  position: string,
  notCompared: readonly string[],
): Promise<Comparison> {
  const begun = performance.now();
  const columns = sides.new.columns.filter(({ name }) => !notCompared.includes(name));
  const [old, fresh] = [
    await digestOf(snapshot, sides.old, columns),
    await digestOf(snapshot, sides.new, columns),
  ];
  const isEqual = old.digest === fresh.digest && old.rows === fresh.rows;
  const inRows = isEqual ? {} : await countDiffering(snapshot, sides, columns);
  const differences =
    Object.keys(inRows).length === 0 ? [] : await firstDiffering(snapshot, sides, columns);
  const groups = (await sides.new.rollup?.countDiffering(snapshot)) ?? 0;
  const differing = groups === 0 ? inRows : { ...inRows, '(rollup)': groups };
  return {
    position,
    rows: { old: old.rows, new: fresh.rows },
    digests: { old: old.digest, new: fresh.digest },
    ...{ differing, differences, notCompared },
    tookMs: Math.round(performance.now() - begun),
  };
}

/**
 * Two sums of 64-bit hashes: they do not depend on the order of rows, so nothing is sorted, and the
 * server may hash with several workers.
 */
async function digestOf(
  snapshot: EntityManager,
  table: RowTable,
  columns: readonly TableColumn[],
): Promise<{ rows: number; digest: string }> {
  const values = columns.map(({ name, type }) => {
    // Values are hashed as they are, three times as quickly as a text of the row; some cannot be.
    return hashable.has(type) ? `"${name}"` : `"${name}"::text`;
  });
  const row = `row(${values.join(', ')})`;
  const [found] = await snapshot.query<{ rows: number; digest: string }[]>(
    `select count(*)::float8 as rows,
       coalesce(sum(hash_record_extended(${row}, 0)), 0) || '/' ||
       coalesce(sum(hash_record_extended(${row}, 1)), 0) as digest
     from ${table.layout.table}`,
  );
  return found ?? { rows: 0, digest: '' };
}

const hashable = new Set(['text', 'integer', 'bigint', 'double precision', 'boolean']);

/** JSON that says the same in another order of names is no difference. */
const differs = ({ name, type }: TableColumn): string => {
  const [a, b] = [`a."${name}"`, `b."${name}"`];
  return type === 'json'
    ? `(${a}::text is distinct from ${b}::text and ${a}::jsonb is distinct from ${b}::jsonb)`
    : `${a} is distinct from ${b}`;
};

const joined = ({ old, new: fresh }: Sides): string =>
  `${old.layout.table} as a full join ${fresh.layout.table} as b
   on ${old.layout.keyColumns.map((key) => `a.${key} = b.${key}`).join(' and ')}`;

const bothThere = 'a.session_id is not null and b.session_id is not null';

async function countDiffering(
  snapshot: EntityManager,
  sides: Sides,
  columns: readonly TableColumn[],
): Promise<Record<string, number>> {
  const counts = columns.map(
    (column) =>
      `count(*) filter (where ${bothThere} and ${differs(column)})::float8 as "${column.name}"`,
  );
  const [found = {}] = await snapshot.query<Record<string, number>[]>(
    `select count(*) filter (where b.session_id is null)::float8 as "(missing)",
       count(*) filter (where a.session_id is null)::float8 as "(added)", ${counts.join(', ')}
     from ${joined(sides)}`,
  );
  return Object.fromEntries(Object.entries(found).filter(([, count]) => count > 0));
}

async function firstDiffering(
  snapshot: EntityManager,
  sides: Sides,
  columns: readonly TableColumn[],
): Promise<Difference[]> {
  const keys = sides.old.layout.keyColumns.map((key) => `coalesce(a.${key}, b.${key})`);
  const named = columns.map(({ name }) => name);
  const flags = columns.map((one) => `case when ${differs(one)} then '${one.name}' end`);
  const rows = await snapshot.query<
    { key: string[]; inOld: boolean; inNew: boolean; differing: string[]; old: Row; new: Row }[]
  >(
    `select array[${keys.join(', ')}]::text[] as key, a.session_id is not null as "inOld",
       b.session_id is not null as "inNew",
       array_remove(array[${flags.join(', ')}], null) as differing,
       ${texts('a', named)} as old, ${texts('b', named)} as new
     from ${joined(sides)}
     where a.session_id is null or b.session_id is null or ${columns.map(differs).join(' or ')}
     order by 1 limit ${DIFFERENCES_MAX}`,
  );
  return rows.flatMap(({ key: [session = '', key = null], inOld, inNew, differing, ...row }) => {
    if (!inNew) return [{ session, key, column: '(missing)', old: shown(row.old), new: null }];
    if (!inOld) return [{ session, key, column: '(added)', old: null, new: shown(row.new) }];
    return differing.map((column) => ({
      ...{ session, key, column },
      old: cut(row.old[column]),
      new: cut(row.new[column]),
    }));
  });
}

type Row = Readonly<Record<string, string | null>>;

/** The values of a row as the texts that Postgres has of them: a client may round a number. */
const texts = (side: string, names: readonly string[]): string =>
  `json_object(array[${names.map((name) => `'${name}'`).join(', ')}],
     array[${names.map((name) => `${side}."${name}"::text`).join(', ')}])`;

const cut = (text: string | null | undefined): string | null =>
  text === null || text === undefined ? null : text.slice(0, SHOWN_MAX);

const shown = (row: Row): string | null => cut(JSON.stringify(row));

/** The differences that neither the version declares nor the operator accepts, by name. */
export const unaccepted = (
  { differing }: Comparison,
  accepted: readonly string[],
): readonly string[] => Object.keys(differing).filter((name) => !accepted.includes(name));
