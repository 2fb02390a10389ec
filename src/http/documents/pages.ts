import { html, page, type Html } from './html.ts';
import { schemaAnchor, schemaHtml, typeHtml, type JsonSchema } from './schema-html.ts';

/** As much of an OpenAPI document as the page shows. */
export interface OpenApiDocument {
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

interface Operation {
  readonly summary?: string;
  readonly 'x-scope'?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { description: string; content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

/** As much of an AsyncAPI document as the page shows. */
export interface AsyncApiDocument {
  readonly info: { readonly description: string };
  readonly operations: Readonly<
    Record<string, { readonly action: 'send' | 'receive'; readonly reply?: object }>
  >;
  readonly components: {
    readonly messages: Readonly<
      Record<string, { readonly name: string; readonly summary: string; payload: JsonSchema }>
    >;
    readonly schemas: Readonly<Record<string, JsonSchema>>;
  };
}

/** What a browser is sent to from `/`. */
export const homePage = (version: string): string =>
  page(
    'Playhead',
    html`<main>
      <h1>Playhead</h1>
      <p>
        This service records live sessions of people and AI agents as events, streams them to
        whoever watches, and replays them from any position. It is version ${version}.
      </p>
      <ul>
        <li><a href="/docs">What it takes and answers</a>, over HTTP and on the socket</li>
        <li><a href="/health/ready">Whether it can do its work</a></li>
      </ul>
      <p>
        Programs read the same as <code>/api/docs</code> (OpenAPI) and
        <code>/api/asyncapi.json</code> (AsyncAPI), with a key.
      </p>
    </main>`,
  );

/** Both documents for people. */
export const docsPage = (http: OpenApiDocument, socket: AsyncApiDocument): string =>
  page(
    'Playhead: HTTP and socket',
    html`<main>
      <h1>Playhead ${http.info.version}</h1>
      <nav>
        <a href="/start">Start</a> · <a href="#http">HTTP</a> · <a href="#socket">Socket</a> ·
        <a href="#schemas">Schemas</a>
      </nav>
      <h2 id="http">HTTP</h2>
      <p>
        Requests carry <code>Authorization: Bearer KEY</code>. A refusal is a
        <a href="#schema-Problem">Problem</a>: its <code>code</code> says what went wrong,
        <code>retry</code> whether it may succeed later.
      </p>
      ${Object.entries(http.paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) =>
          operationHtml(method, path, operation),
        ),
      )}
      <h2 id="socket">Socket</h2>
      <p>${socket.info.description}</p>
      ${Object.entries(socket.operations).map(([name, operation]) =>
        eventHtml(name, operation, socket.components.messages),
      )}
      <h2 id="schemas">Schemas</h2>
      ${Object.entries({ ...http.components.schemas, ...socket.components.schemas }).map(
        ([name, schema]) =>
          html`<details class="entry" id="${schemaAnchor(name)}">
            <summary><code>${name}</code></summary>
            <div class="inside">${schemaHtml(schema)}</div>
          </details>`,
      )}
    </main>`,
  );

function operationHtml(method: string, path: string, operation: Operation): Html {
  const { parameters = [], requestBody, responses } = operation;
  const scope =
    operation.security?.length === 0 ? 'no key needed' : (operation['x-scope'] ?? 'any key');
  return html`<details class="entry">
    <summary>
      <span class="method">${method}</span> <code>${path}</code>
      <span class="soft">${operation.summary ?? ''}</span>
    </summary>
    <div class="inside">
      <p>Scope: <code>${scope}</code></p>
      ${
        parameters.length > 0 &&
        html`<table>
          <thead>
            <tr>
              <th>Parameter</th>
              <th>In</th>
              <th>Type</th>
            </tr>
          </thead>
          <tbody>
            ${parameters.map(
              ({ name, in: where, required, schema }) =>
                html`<tr>
                  <td><code>${name}</code>${required && ' (required)'}</td>
                  <td>${where}</td>
                  <td>${typeHtml(schema)}</td>
                </tr>`,
            )}
          </tbody>
        </table>`
      }
      ${requestBody && contentHtml('Body', requestBody.content)}
      ${Object.entries(responses).map(([status, { description, content = {} }]) =>
        contentHtml(`${status}: ${description}`, content),
      )}
    </div>
  </details>`;
}

const contentHtml = (title: string, content: Content): Html =>
  html`<h3>${title}</h3>
    ${Object.entries(content).map(
      ([type, { schema }]) =>
        html`<p><code>${type}</code></p>
          ${schemaHtml(schema)}`,
    )}`;

function eventHtml(
  name: string,
  { action, reply }: { readonly action: string; readonly reply?: object },
  messages: AsyncApiDocument['components']['messages'],
): Html {
  const message = messages[name];
  const answer = reply && messages[`${name}-answer`];
  return html`<details class="entry">
    <summary>
      <span class="method">${action === 'receive' ? 'you send' : 'you get'}</span>
      <code>${message?.name ?? name}</code> <span class="soft">${message?.summary ?? ''}</span>
    </summary>
    <div class="inside">
      ${message && schemaHtml(message.payload)}
      ${
        answer &&
        html`<h3>Answer</h3>
          ${schemaHtml(answer.payload)}`
      }
    </div>
  </details>`;
}
