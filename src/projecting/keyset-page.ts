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
  const total = await countRows(query, countExactMax + 1);
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

/** Items at hand that have a place in a list beside what a query finds. */
export interface Inserted<Item> {
  readonly items: readonly Item[];
  /** The path of what tells items apart; of an item that the query finds, too, the row counts. */
  readonly key: string;
  /** The order of the list; it looks at nothing but the columns of the order. */
  readonly compare: (a: Item, b: Item) => number;
}

/** A part of a list that is made of what a query finds and of some more items, as `pageOf`. */
export async function pageWith<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  order: Order,
  inserted: Inserted<Row>,
  { page, limit, after }: PageRequest,
  countExactMax: number,
): Promise<KeysetPage<Row>> {
  const { compare } = inserted;
  const items = await notFound(query, inserted);
  const total = items.length + (await countRows(query, countExactMax + 1));
  const counted = { found: total, exactMax: countExactMax };
  const offset = after ? 0 : (page - 1) * limit;
  // Rows from a little further up: as many of the items may lie before the page.
  const skipped = Math.max(0, offset - items.length);
  for (const path of order.by) query.addOrderBy(path, order.direction);
  const rows = after
    ? await rowsAfter(query, order, after, limit + 1)
    : await query
        .limit(limit + 1 + items.length)
        .offset(skipped)
        .getMany();
  const cursor = after && rowAt<Row>(after, order);
  const [first] = rows;
  const isDue = (item: Row): boolean => {
    if (cursor) return compare(item, cursor) > 0;
    return skipped === 0 || (first !== undefined && compare(item, first) > 0);
  };
  const due = items.filter(isDue);
  const start = after ? 0 : offset - skipped - (items.length - due.length);
  const merged = [...rows, ...due].sort(compare).slice(start, start + limit + 1);
  return keysetPage(merged, limit, counted, (row) => keysetIn(row, order));
}

/** The items that a query does not find. */
async function notFound<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  { items, key }: Inserted<Row>,
): Promise<readonly Row[]> {
  if (items.length === 0) return items;
  const idOf = (item: Row): unknown => item[propertyOf(key)];
  const found = await query
    .clone()
    .select(key, 'id')
    .andWhere(`${key} in (:...inserted)`, { inserted: items.map(idOf) })
    .getRawMany<{ id: unknown }>();
  const ids = new Set(found.map(({ id }) => id));
  return items.filter((item) => !ids.has(idOf(item)));
}

/** A part of a list of which all items are at hand, in order; a keyset has the values `by`. */
export function pageOfItems<Item extends ObjectLiteral>(
  items: readonly Item[],
  { by, compare }: { readonly by: readonly string[]; readonly compare: Inserted<Item>['compare'] },
  { page, limit, after }: PageRequest,
  countExactMax: number,
): KeysetPage<Item> {
  const order: Order = { by, direction: 'ASC' };
  const cursor = after && rowAt<Item>(after, order);
  const from = cursor ? items.filter((item) => compare(item, cursor) > 0) : items;
  const start = after ? 0 : (page - 1) * limit;
  const counted = { found: items.length, exactMax: countExactMax };
  const rows = from.slice(start, start + limit + 1);
  return keysetPage(rows, limit, counted, (item) => keysetIn(item, order));
}

/** What a row has in the columns of the order, of the row that a keyset is of. */
const rowAt = <Row extends ObjectLiteral>(keyset: Keyset, { by }: Order): Row =>
  Object.fromEntries(by.map((path, nth) => [propertyOf(path), keyset[nth] ?? null])) as Row;

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

/** How many rows a query finds, counted up to `max`. */
async function countRows<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  max: number,
): Promise<number> {
  const unordered = query.clone().select('1');
  const counted = await query.connection
    .createQueryBuilder()
    .select('count(*)::int', 'total')
    .from(`(${unordered.limit(max).getQuery()})`, 'found')
    .setParameters(unordered.getParameters())
    .getRawOne<{ total: number }>();
  return counted?.total ?? 0;
}

/** The property that a path of the query names. */
const propertyOf = (path: string): string => path.slice(path.indexOf('.') + 1);

const keysetIn = <Row extends ObjectLiteral>(row: Row, { by }: Order): Keyset =>
  by.map((path) => row[propertyOf(path)] as string | number | null);

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
