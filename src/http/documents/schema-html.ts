import { html, type Html } from './html.ts';

/** As much of JSON Schema (2020-12) as zod writes. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

/** What is inside a schema, in lists that open; what refers to something else names it alone. */
export function schemaHtml(schema: JsonSchema): Html {
  const { properties = {}, required = [], items, additionalProperties } = schema;
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])];
  const others = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  const fields = [
    ...Object.entries(properties).map(([name, inner]) =>
      field(name, inner, required.includes(name) ? 'required' : ''),
    ),
    ...(items && isDeep(items) ? [field('each', items, '')] : []),
    ...(others && isDeep(others) ? [field('each value', others, '')] : []),
    ...choices.filter(isDeep).map((inner) => field('either', inner, '')),
    ...Object.entries(schema.$defs ?? {}).map(([name, inner]) => field(name, inner, 'definition')),
  ];
  return html`<ul class="fields">
    ${fields.length > 0 ? fields : html`<li>${typeOf(schema)}</li>`}
  </ul>`;
}

const field = (name: string, schema: JsonSchema, note: string): Html => {
  const head = html`<code>${name}</code>
    <span class="soft">${typeOf(schema)} ${note}</span> ${schema.description ?? ''}`;
  if (!isDeep(schema)) return html`<li>${head}</li>`;
  return html`<li>
    <details>
      <summary>${head}</summary>
      ${schemaHtml(schema)}
    </details>
  </li>`;
};

/** Whether there is more in it than its type says. */
function isDeep(schema: JsonSchema): boolean {
  const { properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = schema;
  const { additionalProperties: others } = schema;
  if (Object.keys(properties).length > 0) return true;
  const inner = [...anyOf, ...oneOf, ...allOf, ...(items ? [items] : [])];
  return [...inner, ...(typeof others === 'object' ? [others] : [])].some(isDeep);
}

/** The type of a schema in words: `string`, `"a" or "b"`, `array of object`. */
export function typeOf(schema: JsonSchema): string {
  const { type, items, anyOf, oneOf, allOf } = schema;
  const choices = anyOf ?? oneOf ?? allOf;
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(' or ');
  if (choices) return choices.map(typeOf).join(allOf === choices ? ' and ' : ' or ');
  const name = typeof type === 'object' ? type.join(' or ') : (type ?? 'anything');
  const whole = items ? `${name} of ${typeOf(items)}` : name;
  return [whole, ...bounds(schema)].join(', ');
}

function bounds(schema: JsonSchema): string[] {
  const range = (least: number | undefined, most: number | undefined, unit: string): string[] => {
    // zod writes these for any whole number.
    const ends = [least, most].map((end) =>
      end === undefined || Math.abs(end) === Number.MAX_SAFE_INTEGER ? undefined : end,
    );
    if (ends[0] === undefined && ends[1] === undefined) return [];
    return [`${ends[0] ?? ''}…${ends[1] ?? ''}${unit}`];
  };
  return [
    ...(schema.format === undefined ? [] : [schema.format]),
    ...range(schema.minimum, schema.maximum, ''),
    ...range(schema.minLength, schema.maxLength, ' characters'),
    ...range(schema.minItems, schema.maxItems, ' items'),
    ...(schema.pattern === undefined ? [] : [schema.pattern]),
    ...(schema.default === undefined ? [] : [`by default ${JSON.stringify(schema.default)}`]),
  ];
}
