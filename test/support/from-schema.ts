import fc from 'fast-check';

/** The words of JSON Schema that the contract's documents use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
}

/**
 * Values that fit a schema. Texts are often one of `names`, so that what one request makes another
 * finds. Throws for a word of JSON Schema that it does not know.
 */
export function fitting(schema: Schema, names: readonly string[]): fc.Arbitrary<unknown> {
  const inner = (one: Schema): fc.Arbitrary<unknown> => fitting(one, names);
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  const choice = schema.anyOf ?? schema.oneOf;
  if (choice) return fc.oneof(...choice.map(inner));
  if (Array.isArray(schema.type)) {
    const types = schema.type as readonly string[];
    return fc.oneof(...types.map((type) => inner({ ...schema, type })));
  }
  switch (schema.type) {
    case 'object':
      return objects(schema, inner);
    case 'array': {
      const { minItems = 0, maxItems = 4 } = schema;
      const bounds = { minLength: minItems, maxLength: Math.min(maxItems, minItems + 4) };
      return fc.array(inner(schema.items ?? {}), bounds);
    }
    case 'string':
      return texts(schema, names);
    case 'integer':
      return fc.oneof(
        fc.integer({ min: Math.max(schema.minimum ?? -100, -(2 ** 31)), max: 100 }),
        fc.constantFrom(schema.minimum ?? 0, schema.maximum ?? 0),
      );
    case 'number':
      return fc.double({ min: schema.minimum ?? -1e6, max: schema.maximum ?? 1e6, noNaN: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case undefined:
      return fc.jsonValue({ maxDepth: 2 });
    default:
      throw new Error(`a schema of type ${String(schema.type)}`);
  }
}

function objects(
  { properties = {}, required = [], additionalProperties }: Schema,
  inner: (schema: Schema) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> {
  const own = Object.entries(properties).map(([name, schema]) => [name, inner(schema)] as const);
  const known = fc.record(Object.fromEntries(own), { requiredKeys: [...required] });
  if (typeof additionalProperties !== 'object') return known;
  const keys = fc.string({ minLength: 1, maxLength: 10 });
  const more = fc.dictionary(keys, inner(additionalProperties), { maxKeys: 3 });
  return fc.tuple(more, known).map(([others, named]) => ({ ...others, ...named }));
}

/** RFC 3339 has no others. */
const fourDigitYears: fc.DateConstraints = {
  min: new Date('0000-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59Z'),
  noInvalidDate: true,
};

function texts(schema: Schema, names: readonly string[]): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = 1_000, format } = schema;
  if (format === 'date-time') return fc.date(fourDigitYears).map((at) => at.toISOString());
  const patterns = [schema, ...(schema.allOf ?? [])].flatMap(({ pattern }) => pattern ?? []);
  const fits = (text: string): boolean =>
    text.length >= minLength &&
    text.length <= maxLength &&
    patterns.every((pattern) => new RegExp(pattern, 'u').test(text));
  const known = names.filter(fits);
  // What looks ahead cannot be generated, but nearly everything fits it.
  const [strict] = patterns.filter((pattern) => !/\(\?[=!]/.test(pattern));
  const any = strict
    ? fc.stringMatching(new RegExp(strict, 'u'))
    : fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, minLength + 20) });
  const fitting = any.filter(fits);
  return known.length > 0 ? fc.oneof(fc.constantFrom(...known), fitting) : fitting;
}
