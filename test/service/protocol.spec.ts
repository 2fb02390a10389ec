import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { adminKey, RunningService } from '../support/service.ts';

/* docs/protocol.md is the source of truth for clients: what it shows is run as it stands. */

const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const samples = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code ?? '');

/** What the page says the samples have. */
const given = `
import assert from 'node:assert/strict';
import { io } from 'socket.io-client';
const { url, token } = process.env;
`;

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

it('every sample of docs/protocol.md does what the page says', async () => {
  expect(samples.length).toBeGreaterThan(6);
  const counted = samples.join('\n').match(/assert\./g)?.length ?? 0;
  expect(counted).toBeGreaterThan(15);
  const code = `${given}${samples.join('\n')}`;
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    env: { ...process.env, url: service.url, token: adminKey },
    timeout: 20_000,
  });
  expect(await run).toEqual({ stdout: '', stderr: '' });
});
