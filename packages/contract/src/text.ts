/** The replacement for what no store can hold. */
const REPLACEMENT = '\uFFFD';
/** U+0000 and surrogates without their other half; Postgres text can hold neither. */
const UNSTORABLE = /\0|[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

/** How deep objects and arrays may nest; beyond it a value is refused rather than walked. */
export const DEPTH_MAX = 64;

/** A value nests deeper than `DEPTH_MAX`. */
export class TooDeep extends Error {}

/** Any of them. */
const FAULT = /[\0\p{Surrogate}]/u;

/**
 * A JSON value whose strings and keys every store can hold: U+0000 and lone surrogates become
 * U+FFFD. `replaced` counts them; without any the value is the one that came. Throws `TooDeep`.
 */
export function cleanse<T>(value: T): { value: T; replaced: number } {
  if (isStorable(value, 0)) return { value, replaced: 0 };
  let replaced = 0;
  const text = (raw: string): string =>
    raw.replace(UNSTORABLE, () => {
      replaced += 1;
      return REPLACEMENT;
    });
  const walk = (node: unknown, depth: number): unknown => {
    if (typeof node === 'string') return text(node);
    if (typeof node !== 'object' || node === null) return node;
    refuseDeep(depth);
    if (Array.isArray(node)) return node.map((item) => walk(item, depth + 1));
    // fromEntries defines properties, so a key named __proto__ stays data.
    return Object.fromEntries(
      Object.entries(node).map(([key, item]) => [text(key), walk(item, depth + 1)]),
    );
  };
  return { value: walk(value, 0) as T, replaced };
}

function isStorable(node: unknown, depth: number): boolean {
  if (typeof node === 'string') return !FAULT.test(node);
  if (typeof node !== 'object' || node === null) return true;
  refuseDeep(depth);
  if (Array.isArray(node)) return node.every((item) => isStorable(item, depth + 1));
  return Object.keys(node).every(
    (key) => !FAULT.test(key) && isStorable((node as Fields)[key], depth + 1),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function refuseDeep(depth: number): void {
  if (depth >= DEPTH_MAX) throw new TooDeep(`nested deeper than ${DEPTH_MAX}`);
}
