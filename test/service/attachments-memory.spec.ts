import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { repeats } from '../support/repeats.ts';
import { adminKey, RunningService } from '../support/service.ts';

/* However large an attachment is, it takes the same memory on its way in and out. */

const CHUNK = Buffer.alloc(64 * 1024, 'attachment ');
const CHUNKS = repeats({ few: 1_600, all: 4_000 });
const GROWTH_MAX = 60 * 1024 * 1024;

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

const memory = (): number => {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
};

function* chunks(count: number): Generator<Buffer> {
  for (let nth = 0; nth < count; nth += 1) yield CHUNK;
}

const hashOf = (count: number): string => {
  const hash = createHash('sha256');
  for (const chunk of chunks(count)) hash.update(chunk);
  return hash.digest('hex');
};

async function put(count: number): Promise<number | undefined> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/zip' };
  const sending = request(`${service.url}/api/attachments/${hashOf(count)}`, {
    method: 'PUT',
    headers,
  });
  const answered = new Promise<number | undefined>((resolve, reject) => {
    sending.on('response', (answer) => resolve(answer.resume().statusCode)).on('error', reject);
  });
  await pipeline(Readable.from(chunks(count)), sending);
  return answered;
}

async function get(count: number): Promise<string> {
  const headers = { authorization: `Bearer ${adminKey}` };
  const answer = await fetch(`${service.url}/api/attachments/${hashOf(count)}`, { headers });
  const hash = createHash('sha256');
  for await (const piece of answer.body ?? []) hash.update(piece as Uint8Array);
  return hash.digest('hex');
}

(process.platform === 'linux' ? it : it.skip)(
  'a large attachment comes and goes in the memory of a small one',
  async () => {
    // What is loaded and compiled once.
    expect(await put(50)).toBe(201);
    expect(await get(50)).toBe(hashOf(50));
    const before = memory();
    let most = before;
    const watching = setInterval(() => (most = Math.max(most, memory())), 10);
    expect(await put(CHUNKS)).toBe(201);
    expect(await put(CHUNKS)).toBe(200);
    expect(await get(CHUNKS)).toBe(hashOf(CHUNKS));
    clearInterval(watching);
    expect(most - before).toBeLessThan(GROWTH_MAX);
  },
  240_000,
);
