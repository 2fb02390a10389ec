import { DEPTH_MAX, instant, type MessageRole, type MessageSource } from '@playhead/contract';
import { countIn, rowOf, type Row } from './import-format.ts';

/** Beyond these nothing is believed; the sum of a few counts stays what the contract takes. */
const COUNT_MAX = 1e11;
const NANO_MAX = 1e15;
const MILLISECONDS_MAX = 1e13;

/** How deep a value may nest to be kept, within the levels that an event adds around it. */
const NESTING_MAX = DEPTH_MAX - 16;

/** A text that is a time as events hold it. */
export const instantIn = (value: unknown): string | undefined =>
  typeof value === 'string' && instant.safeParse(value).success ? value : undefined;

/** Milliseconds since 1970 as a time. */
export function instantOfMs(value: unknown): string | undefined {
  if (typeof value !== 'number') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) ? undefined : instantIn(date.toISOString());
}

/** Seconds since 1970, with fractions, as a time. */
export const instantOfSeconds = (value: unknown): string | undefined =>
  typeof value === 'number' ? instantOfMs(Math.round(value * 1000)) : undefined;

/** A time in any of the ways in which files give one; numbers are seconds or milliseconds. */
export const anyInstant = (value: unknown): string | undefined => {
  if (typeof value !== 'number') return instantIn(value);
  return Math.abs(value) < 1e11 ? instantOfSeconds(value) : instantOfMs(value);
};

/** A number of tokens, messages or turns. */
export const tokensIn = (value: unknown): number | undefined => {
  const count = countIn(value);
  return count !== undefined && count <= COUNT_MAX ? count : undefined;
};

/** Dollars as nano-dollars. */
export const nanoOf = (dollars: unknown): number | undefined => {
  if (typeof dollars !== 'number' || !(dollars >= 0)) return undefined;
  const nano = Math.round(dollars * 1e9);
  return nano <= NANO_MAX ? nano : undefined;
};

/** A duration given in milliseconds. */
export const durationIn = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && value <= MILLISECONDS_MAX ? value : undefined;

/** The time between two that are given in milliseconds. */
export const durationBetween = (start: unknown, end: unknown): number | undefined =>
  typeof start === 'number' && typeof end === 'number' ? durationIn(end - start) : undefined;

const saysSomething = (value: unknown): boolean => {
  if (value === null || value === undefined || value === '') return false;
  if (typeof value !== 'object') return true;
  return Array.isArray(value) ? value.length > 0 : Object.keys(value).length > 0;
};

/** What is left of a row without the fields that have a place, and without empty ones. */
export const rest = (row: Row, ...taken: readonly string[]): Row =>
  Object.fromEntries(
    Object.entries(row).filter(([name, value]) => !taken.includes(name) && saysSomething(value)),
  );

/** What is left of a row where some fields were read; one that could not be read is left. */
export const leftOf = (row: Row, read: Row): Row =>
  rest(row, ...Object.keys(read).filter((name) => read[name] !== undefined));

/** Only the fields that say something, for `extra`. */
export const extraOf = (fields: Row): Row | undefined => {
  const kept = rest(fields);
  return Object.keys(kept).length > 0 ? kept : undefined;
};

/** Why an event cannot keep a value: how deep it nests, or a number that JavaScript cannot hold. */
export function faultIn(value: unknown): string | undefined {
  const waiting: { readonly node: unknown; readonly depth: number }[] = [{ node: value, depth: 0 }];
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { node, depth } = next;
    if (typeof node === 'number' && !Number.isFinite(node))
      return 'holds a number that is too large';
    if (typeof node !== 'object' || node === null) continue;
    if (depth >= NESTING_MAX) return `is nested deeper than ${NESTING_MAX} levels`;
    for (const inner of Object.values(node)) waiting.push({ node: inner, depth: depth + 1 });
  }
  return undefined;
}

/** What an event can keep of a row's fields, and why not of the others. */
export function keepable(row: Row): { readonly row: Row; readonly faults: readonly string[] } {
  const faults = Object.keys(row).flatMap((name) => {
    const fault = faultIn(row[name]);
    return fault === undefined ? [] : [{ name, text: `${name} ${fault}` }];
  });
  return {
    row: faults.length > 0 ? rest(row, ...faults.map(({ name }) => name)) : row,
    faults: faults.map(({ text }) => text),
  };
}

/** The value that a text holds as JSON, or the text itself: tool input is given either way. */
export function parsedInput(value: unknown): unknown {
  if (typeof value !== 'string') return value ?? undefined;
  try {
    const parsed: unknown = JSON.parse(value);
    return typeof parsed === 'object' && parsed !== null && !faultIn(parsed) ? parsed : value;
  } catch {
    return value;
  }
}

/** A row that may be given as a text of JSON. */
export const rowIn = (value: unknown): Row | undefined => rowOf(parsedInput(value));

const roles: ReadonlyMap<unknown, { readonly role: MessageRole; readonly source: MessageSource }> =
  new Map([
    ['system', { role: 'system', source: 'system' }],
    ['developer', { role: 'system', source: 'system' }],
    ['user', { role: 'user', source: 'user' }],
    ['human', { role: 'user', source: 'user' }],
    ['assistant', { role: 'assistant', source: 'agent' }],
    ['model', { role: 'assistant', source: 'agent' }],
    ['ai', { role: 'assistant', source: 'agent' }],
    ['tool', { role: 'user', source: 'tool' }],
    ['function', { role: 'user', source: 'tool' }],
  ]);

/** What a role in a file is here, `undefined` for one that nobody knows. */
export const roleIn = (
  value: unknown,
): { readonly role: MessageRole; readonly source: MessageSource } | undefined => roles.get(value);
