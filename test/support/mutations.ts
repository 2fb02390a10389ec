import fc from 'fast-check';
import { cliEvents } from './cli-events.ts';

/** Before JSON that is written as it is: what JavaScript cannot hold or cannot stringify. */
const LITERAL = '@literal@';

const nested = (depth: number): unknown =>
  depth === 0 ? 'core' : depth % 2 === 0 ? [nested(depth - 1)] : { in: nested(depth - 1) };

/** Texts that something between a producer and Postgres is likely to trip over. */
export const oddTexts = fc.constantFrom(
  ...['', ' ', '.', '..', '...', '/', '//', '%', '%2F', '%252F', '%2e%2e', 'a/../b', '?a=b', '#'],
  ...['\\', '\0', '\ud800', 'a\udc00b', '\uffff', '\u202e', '\n', 'a;b', '+', 'a+b c', '*', ':id'],
  ...['x'.repeat(200), 'x'.repeat(201), 'ü'.repeat(200), '🚀'.repeat(100), 'x'.repeat(100_001)],
  ...[`'; drop table events; --`, '__proto__', '$1', '\\x00', 'e\u0301', '\ufeff', '\u2028', '"'],
);

/** Other values that do. */
const odd = fc.constantFrom<unknown>(
  null,
  ...[-1, -0, 0.1, 1e12, 1e12 + 1, 1e15, 2 ** 53, 2 ** 53 + 2, -(2 ** 63), 5e-324, 1.8e308],
  ...[`${LITERAL}1e400`, `${LITERAL}-1e400`, `${LITERAL}${'9'.repeat(400)}`],
  ...['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z', '2026-02-30T00:00:00Z'],
  ...['2026-01-01T00:00:00+23:59', '0000-01-01T00:00:00+01:00', '2026-01-01', '1e3', 'NaN'],
  ...[[], {}, [[]], nested(60), nested(64), Array<null>(300).fill(null)],
  `${LITERAL}${'['.repeat(30_000)}${']'.repeat(30_000)}`,
  ...[JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')],
  ...[JSON.parse('{"toString":1,"length":-1,"":{"":0}}'), { '\0': 1, '\ud800': 2, '\udc00': 3 }],
);

const value = fc.oneof(
  { weight: 2, arbitrary: odd },
  { weight: 2, arbitrary: oddTexts },
  { weight: 1, arbitrary: fc.jsonValue() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
);

type Path = readonly (string | number)[];

const isObject = (node: unknown): node is Record<string, unknown> =>
  typeof node === 'object' && node !== null;

const pathsIn = (node: unknown, path: Path = []): Path[] =>
  isObject(node)
    ? [
        path,
        ...Object.keys(node).flatMap((key) => pathsIn(node[key], [...path, key])),
        ...['__proto__', 'constructor', 'unknown', ''].map((key) => [...path, key]),
      ]
    : [path];

/** The value with what is at the path replaced, or taken away. */
function replaced(node: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined || !isObject(node)) return by;
  const entries = new Map(Object.entries(node));
  const next = replaced(entries.get(String(key)), rest, by);
  if (next === undefined) entries.delete(String(key));
  else entries.set(String(key), next);
  return Array.isArray(node) ? [...entries.values()] : Object.fromEntries(entries);
}

/** The values as JSON, each with one part of it made something else, added or left out. */
export const mutated = (values: fc.Arbitrary<unknown>): fc.Arbitrary<string> =>
  values.chain((valid) =>
    fc
      .tuple(fc.constantFrom(...pathsIn(valid)), fc.option(value, { nil: undefined }))
      .map(([path, by]) => written(replaced(valid, path, by) ?? null)),
  );

const written = (event: unknown): string =>
  JSON.stringify(event).replace(new RegExp(`"${LITERAL}([^"]*)"`, 'g'), '$1');

/** Events of the CLI, mutated. */
export const mutatedEvents: fc.Arbitrary<string> = mutated(
  fc
    .record({ conversation: fc.uuid(), type: fc.nat(5) })
    .map(({ conversation, type }) => cliEvents(conversation)[type]),
);

/** Any bytes, and any JSON. */
export const arbitraryBodies: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((text) => Buffer.from(text)),
  value.map((any) => Buffer.from(written(any))),
);
