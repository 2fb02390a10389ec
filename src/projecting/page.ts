import type { ObjectLiteral, SelectQueryBuilder } from 'typeorm';

/** Which part of a list is asked for. `page` counts from 1. */
export interface PageRequest {
  readonly page: number;
  readonly limit: number;
}

/** A part of a list and how long the list is. */
export interface Page<Row> {
  readonly rows: Row[];
  readonly total: number;
  /** The list goes on beyond `total`, which is as far as rows are counted. */
  readonly totalIsAtLeast: boolean;
}

/**
 * One page of what a query finds, in its order. Rows are counted up to `countExactMax`: counting
 * more would cost as much as reading them.
 */
export async function pageOf<Row extends ObjectLiteral>(
  query: SelectQueryBuilder<Row>,
  { page, limit }: PageRequest,
  countExactMax: number,
): Promise<Page<Row>> {
  const unordered = query.clone().select('1').orderBy();
  const counted = await query.connection
    .createQueryBuilder()
    .select('count(*)::int', 'total')
    .from(`(${unordered.limit(countExactMax + 1).getQuery()})`, 'found')
    .setParameters(unordered.getParameters())
    .getRawOne<{ total: number }>();
  const total = counted?.total ?? 0;
  const rows = await query
    .limit(limit)
    .offset((page - 1) * limit)
    .getMany();
  return { rows, total: Math.min(total, countExactMax), totalIsAtLeast: total > countExactMax };
}
