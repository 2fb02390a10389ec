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

/** What is inside a schema, in lists that open; what refers to another schema links to it. */
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
    ...choices.filter(isShown).map((inner) => field('either', inner, '')),
    ...Object.entries(schema.$defs ?? {}).map(([name, inner]) => field(name, inner, 'definition')),
  ];
  return html`<ul class="fields">
    ${fields.length > 0 ? fields : html`<li>${typeHtml(schema)}</li>`}
  </ul>`;
}

const field = (name: string, schema: JsonSchema, note: string): Html => {
  const head = html`<code>${name}</code>
    <span class="soft">${typeHtml(schema)} ${note}</span> ${schema.description ?? ''}`;
  if (!isDeep(schema)) return html`<li>${head}</li>`;
  return html`<li>
    <details>
      <summary>${head}</summary>
      ${schemaHtml(schema)}
    </details>
  </li>`;
};

/** Whether a choice is worth a line of its own: a plain type is said once, beside the others. */
const isShown = (choice: JsonSchema): boolean => isDeep(choice) || choice.$ref !== undefined;

/** Whether there is more in it than its type says. */
function isDeep(schema: JsonSchema): boolean {
  const { properties = {}, items, anyOf = [], oneOf = [], allOf = [] } = schema;
  const { additionalProperties: others } = schema;
  if (Object.keys(properties).length > 0) return true;
  const inner = [...anyOf, ...oneOf, ...allOf, ...(items ? [items] : [])];
  return [...inner, ...(typeof others === 'object' ? [others] : [])].some(isDeep);
}

/** The type of a schema in words, such as `string`, `"a" or "b"`, `array of object`. */
export function typeHtml(schema: JsonSchema): Html {
  const { type, items, anyOf, oneOf, allOf } = schema;
  const choices = anyOf ?? oneOf ?? allOf;
  if (schema.$ref !== undefined) return referenceHtml(schema.$ref);
  if (schema.const !== undefined) return html`${JSON.stringify(schema.const)}`;
  if (schema.enum) return html`${schema.enum.map((one) => JSON.stringify(one)).join(' or ')}`;
  if (choices) {
    const between = allOf === choices ? ' and ' : ' or ';
    return html`${choices.map((one, nth) => [nth > 0 && between, typeHtml(one)])}`;
  }
  const name = typeof type === 'object' ? type.join(' or ') : (type ?? 'anything');
  const limits = bounds(schema).map((one) => `, ${one}`);
  return html`${name}${items && [' of ', typeHtml(items)]}${limits}`;
}

/** The anchor of a schema that the page shows under a name of its own. */
export const schemaAnchor = (name: string): string => `schema-${name}`;

/** A link to a schema of the document; definitions inside a schema are shown where they stand. */
function referenceHtml(reference: string): Html {
  const name = reference.split('/').at(-1) ?? '';
  if (!reference.startsWith('#/components/schemas/')) return html`${name}`;
  return html`<a href="#${schemaAnchor(name)}">${name}</a>`;
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
