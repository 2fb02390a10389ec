import type pg from 'pg';
import type { StorableAppend } from '../codec.ts';
import { LogError, type Appended } from '../event-log.ts';
import { positionOf } from '../positions.ts';
import { rawTypes } from './connect.ts';

// Texts go as lines: JSON and names hold no line breaks, and arrays would quote their quotes.
const lines = (parameter: string): string => `string_to_array(${parameter}, e'\\n')`;

const call = `
  select lasts, befores, repeats from append_events(
    ${lines('$1')}, $2, $3, $4, ${lines('$5')}, $6, ${lines('$7')}, ${lines('$8')}
  )`;

const callForOne = 'select last, before from append_event($1, $2, $3, $4, $5, $6, $7)';

const list = (items: readonly (string | number)[]): string => `{${items.join(',')}}`;

/** Stores a batch by one call, one append a stream; an item each: its answer, or the conflict. */
export async function callAppend(
  client: pg.ClientBase,
  appends: readonly StorableAppend[],
): Promise<(Appended | LogError)[]> {
  const answer = await storeOne(client, appends);
  return answer ? [answer] : storeAll(client, appends);
}

/** A batch of one event, at a third of the cost; undefined when it is none, or conflicts. */
async function storeOne(
  client: pg.ClientBase,
  [append, ...others]: readonly StorableAppend[],
): Promise<Appended | undefined> {
  if (!append || others.length > 0 || append.events.length > 1) return undefined;
  const { stream, expected, events } = append;
  const values = events.flatMap(({ id, type, v, data, meta }) => [id, type, v, data, meta]);
  const { rows } = await client.query<[string | null, string | null]>({
    name: 'one append',
    text: callForOne,
    rowMode: 'array',
    types: rawTypes,
    values: [stream, expected === 'any' ? null : expected, ...values],
  });
  const [last = null, before = null] = rows[0] ?? [];
  if (last === null || before === null) return undefined;
  const position = positionOf(Number(before) + 1);
  return { revision: Number(last) + 1, position, repeated: false };
}

async function storeAll(
  client: pg.ClientBase,
  appends: readonly StorableAppend[],
): Promise<(Appended | LogError)[]> {
  const events = appends.flatMap((append) => append.events);
  const { rows } = await client.query<[string, string, string | null]>({
    name: 'append',
    text: call,
    rowMode: 'array',
    types: rawTypes,
    values: [
      appends.map(({ stream }) => stream).join('\n'),
      list(appends.map(({ expected }) => (expected === 'any' ? 'NULL' : expected))),
      list(appends.map(({ events: { length } }) => length)),
      list(events.map(({ id }) => id)),
      events.map(({ type }) => type).join('\n'),
      list(events.map(({ v }) => v)),
      events.map(({ data }) => data).join('\n'),
      events.map(({ meta }) => meta).join('\n'),
    ],
  });
  const [lasts, befores, repeats] = (rows[0] ?? []).map(items);
  return appends.map((append, index) =>
    answer(append, lasts?.[index], befores?.[index], repeats?.[index]),
  );
}

/** The items of a Postgres array of numbers, null where it says so. */
const items = (array: string | null): (number | null)[] =>
  (array ?? '{}')
    .slice(1, -1)
    .split(',')
    .map((item) => (item === 'NULL' ? null : Number(item)));

function answer(
  { stream, expected, events }: StorableAppend,
  last: number | null | undefined,
  before: number | null | undefined,
  repeat: number | null | undefined,
): Appended | LogError {
  const size = events.length;
  if (typeof last === 'number' && typeof before === 'number') {
    return { revision: last + size, position: positionOf(before + size), repeated: false };
  }
  if (typeof repeat === 'number' && typeof expected === 'number') {
    return { revision: expected + size, position: positionOf(repeat), repeated: true };
  }
  return new LogError('conflict', `${stream} is at revision ${last}, not ${expected}`);
}
