import fc from 'fast-check';
import { cleanse, errorCodes } from '@playhead/contract';
import { cliEvents } from '../support/cli-events.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { arbitraryBodies, mutatedEvents, oddTexts } from '../support/mutations.ts';
import { json, oddRequests, visible } from '../support/odd-requests.ts';
import { exchange, wireBytes, type WireAnswer, type WireRequest } from '../support/raw-http.ts';
import { adminKey, ingestKey, RunningService } from '../support/service.ts';
import { repeats } from '../support/repeats.ts';

const RUNS = repeats({ few: 120, all: 240 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const openPaths = ['/health/live', '/health/ready'];
const statuses = new Set<number>(Object.values(errorCodes).map(({ status }) => status));

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  console.log(`seed ${seed}: PLAYHEAD_TEST_SEED repeats it`);
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
  });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const check = <Input>(
  inputs: fc.Arbitrary<Input>,
  holds: (input: Input) => Promise<void>,
  numRuns = RUNS,
): Promise<void> =>
  fc.assert(fc.asyncProperty(inputs, holds), { seed, numRuns, endOnFailure: true });

const send = async (request: WireRequest): Promise<WireAnswer> => {
  const answers = await exchange(service.url, wireBytes(request));
  expect(answers).toHaveLength(1);
  return answers[0] as WireAnswer;
};

/** A refusal must have a status of the table, below 500, and say its code. */
function expectRefusal(answer: WireAnswer, hasBody = true): void {
  expect(statuses).toContain(answer.status);
  expect(answer.status).toBeLessThan(500);
  if (!hasBody) return;
  const body = JSON.parse(answer.body) as Record<string, unknown>;
  if (answer.headers.get('content-type')?.startsWith('application/problem+json')) {
    const { status, retry } = errorCodes[body.code as keyof typeof errorCodes];
    expect(body).toMatchObject({ status, retry, detail: expect.any(String) as string });
    expect(answer.status).toBe(status);
  } else {
    expect(body).toMatchObject({ error: expect.any(String) as string });
    expect(body).toHaveProperty('details');
  }
}

let lastHead: string | undefined;

/** Sends something that must not be stored unless it is accepted; answers whether it was. */
async function isTaken(request: WireRequest): Promise<boolean> {
  lastHead ??= await service.head();
  const answer = await send(request);
  if (answer.status < 300) {
    lastHead = undefined;
    return true;
  }
  expectRefusal(answer, request.method !== 'HEAD');
  expect(await service.head()).toBe(lastHead);
  return false;
}

const bearer = (key: string): readonly [string, string] => ['Authorization', `Bearer ${key}`];
const post = (body: Buffer, ...headers: (readonly [string, string])[]): WireRequest => ({
  method: 'POST',
  target: '/api/ingest',
  headers,
  body,
});

describe('whatever is sent', () => {
  it('is answered with a code, and what is refused stores nothing', async () => {
    await check(oddRequests, async (request) => {
      await isTaken({ ...request, headers: [bearer(adminKey), ...(request.headers ?? [])] });
    });
  }, 240_000);

  const keyless = fc.oneof(
    fc.constant([]),
    visible(60).map((value) => [['Authorization', value]] as const),
    visible(60).map((value) => [['Authorization', `Bearer ${value}`]] as const),
    fc
      .constantFrom(
        ...[`Bearer ${adminKey}x`, `Bearer ${adminKey.slice(1)}`, `Token ${adminKey}`, 'Bearer'],
        ...[`Bearer ${adminKey} ${adminKey}`, `Bearer\t${adminKey}`, `Basic ${btoa(adminKey)}`],
      )
      .map((value) => [['Authorization', value]] as const),
  );

  it('without a key is answered 401, but for the two questions after health', async () => {
    await check(fc.tuple(oddRequests, keyless), async ([request, authorization]) => {
      const answer = await send({
        ...request,
        headers: [...authorization, ...(request.headers ?? [])],
      });
      const isOpen = openPaths.includes(request.target.split('?')[0] ?? '');
      if (isOpen && answer.status < 300) return;
      expectRefusal(answer, request.method !== 'HEAD');
      // What is no HTTP has no key either.
      if (!isOpen && !/"detail":"(not HTTP|address and headers)"/.test(answer.body)) {
        expect(answer.status).toBe(401);
      }
    });
  }, 240_000);
});

describe('an ingested body', () => {
  const sessionOf = (body: string): string | undefined => {
    const { value } = cleanse(JSON.parse(body) as { data?: { conversation_id?: unknown } });
    return value.data?.conversation_id as string | undefined;
  };
  const accepted = new Set<string>();

  /** Ids of all sessions that the lists show, with everything that they show of them. */
  async function listedSessions(): Promise<Set<string>> {
    const ids = new Set<string>();
    for (let page = 1; ; page += 1) {
      const path = `/api/sessions?limit=100&page=${page}`;
      const { sessions } = await service.get<{ sessions: { id: string }[] }>(path);
      if (sessions.length === 0) return ids;
      for (const { id } of sessions) ids.add(id);
    }
  }

  it('that is an event but for one field is refused whole or can be read', async () => {
    await check(
      mutatedEvents,
      async (body) => {
        if (!(await isTaken(post(Buffer.from(body), bearer(ingestKey), json)))) return;
        const sessionId = sessionOf(body);
        if (sessionId === undefined) return;
        accepted.add(sessionId);
        const path = `/api/sessions/${encodeURIComponent(sessionId)}/events`;
        const { events } = await service.get<{ events: object[] }>(path);
        expect(events).not.toEqual([]);
      },
      2 * RUNS,
    );
    await service.caughtUp();
    const listed = await listedSessions();
    expect([...accepted].filter((id) => !listed.has(id))).toEqual([]);
    for (const sessionId of accepted) {
      await service.get(`/api/sessions/${encodeURIComponent(sessionId)}/messages`);
    }
    const { projections } = await service.get<{ projections: { parked: number }[] }>(
      '/health/ready',
    );
    expect(projections.filter(({ parked }) => parked > 0)).toEqual([]);
    expect(accepted.size).toBeGreaterThan(RUNS / 10);
  }, 240_000);

  it('with any id is refused, or the session can be asked for by that id', async () => {
    const ids = fc.oneof(oddTexts, fc.string({ unit: 'binary', minLength: 1, maxLength: 30 }));
    await check(ids, async (id) => {
      const [, message] = cliEvents(id);
      if (await isTaken(post(Buffer.from(JSON.stringify(message)), bearer(ingestKey), json))) {
        const path = `/api/sessions/${encodeURIComponent(cleanse(id).value)}/events`;
        const { events } = await service.get<{ events: { sessionId: string }[] }>(path);
        expect(events[0]?.sessionId).toBe(cleanse(id).value);
      }
    });
  }, 240_000);

  it('of any bytes and any type is refused', async () => {
    const types = fc.oneof(visible(20), fc.constantFrom('application/json', 'text/plain', ''));
    await check(fc.tuple(arbitraryBodies, types), async ([body, type]) => {
      expect(await isTaken(post(body, bearer(ingestKey), ['Content-Type', type]))).toBe(false);
    });
  }, 240_000);

  it('that holds many lines gets a line for each', async () => {
    const line = fc.oneof(
      mutatedEvents.map((text) => Buffer.from(text)),
      arbitraryBodies.map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a))),
    );
    await check(
      fc.array(line, { maxLength: 8 }),
      async (lines) => {
        const body = Buffer.concat(lines.flatMap((one) => [one, Buffer.from('\n')]));
        const type = ['Content-Type', 'application/x-ndjson'] as const;
        const answer = await send(post(body, bearer(ingestKey), type));
        if (answer.status !== 200) {
          expectRefusal(answer);
          return;
        }
        const full = lines.flatMap((one, at) => (one.toString().trim() === '' ? [] : [at + 1]));
        const answers = answer.body.split('\n').filter((text) => text !== '');
        const got = answers.map((text) => JSON.parse(text) as { line: number; status: number });
        expect(got.map(({ line: nth }) => nth)).toEqual(full);
        expect(got.filter(({ status }) => status >= 500)).toEqual([]);
      },
      RUNS / 4,
    );
  }, 240_000);

  it('that is cut off, or shorter or longer than it says, is not stored', async () => {
    const whole = Buffer.from(JSON.stringify(cliEvents('cut')[1]));
    const bytes = wireBytes(post(whole, bearer(ingestKey), json));
    const cuts = fc.integer({ min: 0, max: bytes.length - 1 });
    const wrong = fc.integer({ min: 0, max: 2 * whole.length }).filter((n) => n !== whole.length);
    const before = await service.head();
    await check(fc.tuple(cuts, wrong), async ([cut, length]) => {
      const said = `Content-Length: ${whole.length}`;
      const lying = bytes.toString('latin1').replace(said, `Content-Length: ${length}`);
      const [broken, untrue] = await Promise.all([
        exchange(service.url, bytes.subarray(0, cut), { cut: true }),
        exchange(service.url, Buffer.from(lying, 'latin1'), { cut: true }),
      ]);
      for (const answer of [...broken, ...untrue]) expectRefusal(answer);
      expect(untrue.length).toBeGreaterThan(0);
    });
    expect(await service.head()).toBe(before);
  }, 240_000);
});

// In a block of its own: it must come last.
describe('the service', () => {
  it('has not stumbled over any of it and goes on', async () => {
    expect(service.output).not.toMatch(/"level":[56]0/);
    const answer = await service.ingest(JSON.stringify(cliEvents('after all')[1]));
    expect(answer.status).toBe(201);
  });
});
