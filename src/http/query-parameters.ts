import { comparableInstant, instant } from '@playhead/contract';
import { z } from 'zod';
import type { Limits } from '../config.ts';
import type { Keyset } from '../projecting/keyset-page.ts';
import { cursor } from './list-cursors.ts';
import { Problem } from './problem.ts';

/** No stream gets further; stores count revisions in 32 bits. */
export const REVISION_MAX = 2 ** 31 - 1;

/** A whole number in a query string. */
export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d{1,15}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.number().min(min).max(max));

/** A text that Postgres can be asked for. */
export const plainText = (lengthMax: number) =>
  z
    .string()
    .max(lengthMax)
    .regex(/^[^\0]*$/, 'must not hold U+0000');

const LABEL_LENGTH_MAX = 1_200;

/** `key:value`; the key ends at the first colon. */
export const label = plainText(LABEL_LENGTH_MAX)
  .regex(/^[^:]+:/, 'must be key:value')
  .transform((text): [string, string] => {
    const end = text.indexOf(':');
    return [text.slice(0, end), text.slice(end + 1)];
  });

/** What is said of a parameter that is neither a day nor a time. */
export const wrongTime = 'must be a day or a time with zone, as ISO 8601 writes them';

/** A time, or a day for its beginning in UTC, so that it compares as a string. */
export const time = z
  .union([z.iso.date().transform((day) => `${day}T00:00:00Z`), instant], {
    error: wrongTime,
  })
  .transform(comparableInstant);

/** Which part of a list is asked for; its keysets are made of such values. */
export const pageFields = <Schema extends z.ZodType<Keyset>>(limits: Limits, keyset: Schema) => ({
  page: wholeNumber(1, limits.pageNumberMax).optional(),
  limit: wholeNumber(1, limits.pageMax).default(limits.pageDefault),
  cursor: cursor(keyset).optional(),
});

/** Values of a filter, any of which may hold: `a,b`, or the parameter several times. */
export const anyOf = <Value extends z.ZodType>(value: Value, valuesMax: number) =>
  z
    .preprocess(
      (given) =>
        [given].flat().flatMap((text) => (typeof text === 'string' ? text.split(',') : [text])),
      z.array(value).min(1).max(valuesMax),
    )
    .optional();

/** What `pageFields` read. Throws when both a page and a cursor are given. */
export function pageRequest(asked: {
  page?: number | undefined;
  limit: number;
  cursor?: Keyset | undefined;
}) {
  if (asked.page !== undefined && asked.cursor !== undefined) {
    throw new Problem('invalid', 'cursor: goes without page', 'cursor');
  }
  return { page: asked.page ?? 1, limit: asked.limit, after: asked.cursor };
}

/** `fields=a,b`: what of each item is wanted. */
export const fieldNames = (known: readonly string[]) =>
  z.string().transform((text, context) => {
    const names = text.split(',');
    const unknown = names.find((name) => !known.includes(name));
    if (unknown === undefined) return names;
    context.addIssue({ code: 'custom', message: `there is no field ${JSON.stringify(unknown)}` });
    return z.NEVER;
  });

/** The named properties of an item, all when none are named. */
export const only = <Item extends object>(
  names: readonly string[] | undefined,
  item: Item,
): Partial<Item> =>
  names
    ? (Object.fromEntries(
        Object.entries(item).filter(([name]) => names.includes(name)),
      ) as Partial<Item>)
    : item;

/** The parameters of a query string. Throws the refusal that names the wrong one. */
export function readQuery<Shape extends z.ZodType>(schema: Shape, query: unknown): z.infer<Shape> {
  const read = schema.safeParse(query);
  if (read.success) return read.data;
  throw Problem.ofIssues(
    read.error.issues.flatMap((issue): z.core.$ZodIssue | z.core.$ZodIssue[] =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({ ...issue, path: [key], message: 'is no parameter here' }))
        : // A parameter is named as it was sent, whichever of its values is wrong.
          { ...issue, path: issue.path.slice(0, 1) },
    ),
  );
}
