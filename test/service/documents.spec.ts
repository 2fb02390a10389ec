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
