import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';

/* The documents are valid by their own specifications, and say what the service really takes. */

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

interface AsyncApi {
  channels: { socket: { messages: Record<string, { $ref: string }> } };
  operations: Record<string, { action: string }>;
  components: { messages: Record<string, { payload: object }> };
}

it('/api/asyncapi.json is a valid AsyncAPI 3 document', async () => {
  const document = await service.get<AsyncApi>('/api/asyncapi.json');
  const specs = createRequire(import.meta.url)('@asyncapi/specs') as {
    schemasWithoutId: Record<string, object>;
  };
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  addFormats.default(ajv);
  const isValid = ajv.compile(specs.schemasWithoutId['3.0.0'] ?? false);
  isValid(document);
  expect(isValid.errors).toBeNull();
  expect(isValid({ ...document, info: {} })).toBe(false);
});

interface OpenApi {
  paths: Record<
    string,
    Record<string, { summary?: string; responses: Record<string, { content?: object }> }>
  >;
}

it('/api/docs is a valid OpenAPI 3.1 document that says something of every route', async () => {
  const document = await service.get<OpenApi>('/api/docs');
  const { Validator } = await import('@seriousme/openapi-schema-validator');
  const { errors, valid } = await new Validator().validate({ ...document });
  expect([valid, JSON.stringify(errors ?? null).slice(0, 500)]).toEqual([true, 'null']);
  const paths = Object.keys(document.paths);
  expect(paths).toEqual(
    expect.arrayContaining([
      '/api/ingest',
      '/api/sessions',
      '/api/sessions/{id}/events',
      '/api/sessions/{id}/commands/message.post',
      '/health/ready',
    ]),
  );
  const undescribed = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, { summary }]) =>
      summary ? [] : `${method} ${path}`,
    ),
  );
  expect(undescribed).toEqual([]);
});

it('every GET without parameters in the path answers as the document says', async () => {
  const document = await service.get<OpenApi>('/api/docs');
  for (const [path, { get }] of Object.entries(document.paths)) {
    if (!get || path.includes('{')) continue;
    const [success = ['', {}]] = Object.entries(get.responses);
    const type = Object.keys(success[1].content ?? {})[0] ?? 'application/json';
    const { status, headers } = await service.request(path, { headers: { accept: type } });
    expect([path, status]).toEqual([path, Number(success[0])]);
    // What numbers for Prometheus are is not JSON, and not said.
    if (path !== '/metrics') expect(headers.get('content-type')).toContain(type);
  }
});
