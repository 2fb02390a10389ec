import { html, page } from '../../src/http/documents/html.ts';
import { docsPage } from '../../src/http/documents/pages.ts';
import { schemaHtml, typeHtml, type JsonSchema } from '../../src/http/documents/schema-html.ts';

const HOSTILE = `<img src=x onerror=alert(1)>"'&`;
const ESCAPED = '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;';

describe('the pages', () => {
  it('escape every value, but not what is HTML already', () => {
    const inner = html`<b>${HOSTILE}</b>`;
    expect(html`<p title="${HOSTILE}">${[inner, inner]}${undefined}${false}${7}</p>`.text).toBe(
      `<p title="${ESCAPED}"><b>${ESCAPED}</b><b>${ESCAPED}</b>7</p>`,
    );
    expect(page(HOSTILE, inner)).not.toContain('<img');
  });

  it('show a hostile document as text', () => {
    const schema = {
      ...{ type: 'object', required: [HOSTILE], description: HOSTILE },
      properties: { [HOSTILE]: { type: HOSTILE, enum: [HOSTILE], description: HOSTILE } },
    };
    const text = docsPage(
      {
        info: { title: HOSTILE, version: HOSTILE },
        paths: {
          [HOSTILE]: {
            [HOSTILE]: {
              ...{ summary: HOSTILE, 'x-scope': HOSTILE, security: [{}] },
              parameters: [{ name: HOSTILE, in: HOSTILE, required: true, schema }],
              requestBody: { content: { [HOSTILE]: { schema } } },
              responses: { [HOSTILE]: { description: HOSTILE } },
            },
          },
        },
        components: { schemas: { [HOSTILE]: schema } },
      },
      {
        info: { description: HOSTILE },
        operations: { [HOSTILE]: { action: 'send' } },
        components: {
          messages: { [HOSTILE]: { name: HOSTILE, summary: HOSTILE, payload: schema } },
          schemas: {},
        },
      },
    );
    expect(text).not.toContain('<img');
    expect(text.split(ESCAPED).length).toBeGreaterThan(15);
  });

  it('say the type of a schema in words', () => {
    const words = (schema: JsonSchema): string => typeHtml(schema).text;
    expect(words({ type: 'string', maxLength: 5 })).toBe('string, …5 characters');
    expect(words({ enum: [1, null] })).toBe('1 or null');
    expect(words({ const: 'a' })).toBe('&quot;a&quot;');
    expect(words({ type: 'array', items: { type: 'object' }, maxItems: 3 })).toBe(
      'array of object, …3 items',
    );
    expect(words({ allOf: [{ type: 'string' }, { type: 'null' }] })).toBe('string and null');
    expect(words({ type: 'integer', maximum: Number.MAX_SAFE_INTEGER, minimum: 0 })).toBe(
      'integer, 0…',
    );
    expect(words({})).toBe('anything');
    const deep = { type: 'array', items: { properties: { inner: { const: 1 } } } };
    expect(schemaHtml(deep).text).toContain('inner');
  });

  it('link what refers to a schema of the document to where the page shows it', () => {
    const refused = { $ref: '#/components/schemas/refused' };
    const link = '<a href="#schema-refused">refused</a>';
    expect(typeHtml({ anyOf: [{ type: 'string' }, refused] }).text).toBe(`string or ${link}`);
    expect(typeHtml({ type: 'array', items: refused }).text).toBe(`array of ${link}`);
    expect(schemaHtml({ properties: { inner: refused } }).text).toContain(link);
    expect(schemaHtml(refused).text).toContain(link);
    expect(schemaHtml({ oneOf: [{ properties: { ok: {} } }, refused] }).text).toContain(link);
    expect(typeHtml({ $ref: '#/$defs/inner' }).text).toBe('inner');
    expect(typeHtml({ $ref: `#/components/schemas/${HOSTILE}` }).text).not.toContain('<img');
  });
});
