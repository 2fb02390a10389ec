import { LogError } from './event-log.ts';

/** How deep a value may nest: what stores parse without trouble, and an end to circles. */
export const DEPTH_MAX = 200;

interface Fault {
  readonly reason: string;
  /** Keys from the value down to what is at fault, innermost first. */
  readonly keys: string[];
}

/**
 * The value as JSON that reads back as the same value. Throws `LogError` `invalid` with the field
 * for what JSON would drop, change or not take: undefined, bigint, functions, symbols, NaN and the
 * infinities, dates and other class instances, circles.
 */
export function losslessJson(value: unknown, field: string): string {
  const fault = faultIn(value, 0);
  if (!fault) return JSON.stringify(value);
  const path = [field, ...fault.keys.reverse()].join('.');
  throw new LogError('invalid', `${path}: ${fault.reason}`, path);
}

function faultIn(value: unknown, depth: number): Fault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : fault(`JSON has no ${value}`);
    case 'object':
      return value === null ? undefined : faultWithin(value, depth);
    case 'undefined':
    case 'bigint':
    case 'function':
    case 'symbol':
      return fault(`JSON has no ${typeof value}`);
  }
}

function faultWithin(value: object, depth: number): Fault | undefined {
  if (depth === DEPTH_MAX) return fault(`nested deeper than ${DEPTH_MAX}, or within itself`);
  if (Array.isArray(value)) {
    // By index, since methods of arrays step over holes.
    for (let index = 0; index < value.length; index += 1) {
      const found = faultIn(value[index], depth + 1);
      if (found) return under(String(index), found);
    }
    return undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return fault('not a plain object');
  for (const key of Object.keys(value)) {
    const found = faultIn((value as Record<string, unknown>)[key], depth + 1);
    if (found) return under(key, found);
  }
  return undefined;
}

const fault = (reason: string): Fault => ({ reason, keys: [] });

const under = (key: string, found: Fault): Fault => {
  found.keys.push(key);
  return found;
};
