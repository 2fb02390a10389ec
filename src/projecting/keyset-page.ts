import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/** A cursor in a list: the values of a row in the columns that the list is ordered by. */
export type Keyset = readonly (string | number | null)[];

/** Which part of a list is asked for: the rows after a keyset, or a page, counted from 1. */
export interface PageRequest {
  readonly page: number;
  readonly limit: number;
  /** Counts instead of `page`. */
  readonly after?: Keyset | undefined;
}

/** A part of a list and how long the list is. */
export interface KeysetPage<Row> {
  readonly rows: Row[];
  readonly total: number;
  /** The list goes on beyond `total`, which is as far as rows are counted. */
  readonly totalIsAtLeast: boolean;
  /** The keyset of the last row, undefined when nothing comes after it. */
  readonly next: Keyset | undefined;
}

/** The order of a list. */
export interface Order {
  /** Paths of columns as the query names them; no two rows of the list share all values. */
  readonly by: readonly string[];
  readonly direction: 'ASC' | 'DESC';
  /** The first column may be null, which comes last; only for `ASC`. */
  readonly nullsLast?: boolean;
}

/**
 * A part of what a query finds, in an order. Rows are counted up to `countExactMax`: counting more
 * would cost as much as reading them.
 */
export async function pageOf<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  order: Order,
  { page, limit, after }: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<Row>> {
  const unordered = query.clone().select('1');
  const counted = await query.connection
    .createQueryBuilder()
    .select('count(*)::int', 'total')
    .from(`(${unordered.limit(countExactMax + 1).getQuery()})`, 'found')
    .setParameters(unordered.getParameters())
    .getRawOne<{ total: number }>();
  const total = counted?.total ?? 0;
  for (const path of order.by) query.addOrderBy(path, order.direction);
  // One more tells whether the list goes on.
  const rows = after
    ? await rowsAfter(query, order, after, limit + 1)
    : await query
        .limit(limit + 1)
        .offset((page - 1) * limit)
        .getMany();
  return keysetPage(rows, limit, { found: total, exactMax: countExactMax }, (row) =>
    keysetIn(row, order),
  );
}

/**
 * A page of rows, of which one more than `limit` was asked for; and as many were counted, one more
 * than `exactMax` at most.
 */
export function keysetPage<Row>(
  rows: readonly Row[],
  limit: number,
  counted: { readonly found: number; readonly exactMax: number },
  keysetOf: (row: Row) => Keyset,
): KeysetPage<Row> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    rows: rows.slice(0, limit),
    total: Math.min(counted.found, counted.exactMax),
    totalIsAtLeast: counted.found > counted.exactMax,
    next: last && keysetOf(last),
  };
}

const keysetIn = <Row extends ObjectLiteral>(row: Row, { by }: Order): Keyset =>
  by.map((path) => row[path.slice(path.indexOf('.') + 1)] as string | number | null);

/**
 * Rows beyond a keyset. Comparing whole rows goes straight to an entry of an index, however far
 * down the list; an `or` for the nulls would read all that lies before it, so they are asked for
 * apart.
 */
async function rowsAfter<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  { by, direction, nullsLast = false }: Order,
  after: Keyset,
  limit: number,
): Promise<Row[]> {
  const beyond = direction === 'ASC' ? '>' : '<';
  const [first = '', ...rest] = by;
  if (nullsLast && after[0] === null) {
    return query
      .andWhere(`${first} is null and (${rest.join(', ')}) > (:...after)`, {
        after: after.slice(1),
      })
      .limit(limit)
      .getMany();
  }
  const rows = await query
    .clone()
    .andWhere(`(${by.join(', ')}) ${beyond} (:...after)`, { after })
    .limit(limit)
    .getMany();
  if (!nullsLast || rows.length === limit) return rows;
  const nulls = query.andWhere(`${first} is null`).limit(limit - rows.length);
  return [...rows, ...(await nulls.getMany())];
}
