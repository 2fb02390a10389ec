import fc from 'fast-check';
import { errorCodes, type Refused } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { fitting, type Schema } from '../support/from-schema.ts';
import { mutated } from '../support/mutations.ts';
import { adminKey, RunningService, type ViewerSocket } from '../support/service.ts';
import { repeats } from '../support/repeats.ts';

/* Whatever the documents say one may send, and nearly that: the service is asked with it. */

const RUNS = repeats({ few: 20, all: 60 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
/** Ids that requests have in common: of sessions, messages, tool calls and participants. */
const names = ['x', 'y'];

interface OpenApi {
  readonly paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  readonly parameters: readonly { name: string; in: string; schema: Schema }[];
  readonly requestBody?: { content: Record<string, { schema: Schema }> };
}
interface AsyncApi {
  readonly operations: Record<string, { action: string }>;
  readonly components: { messages: Record<string, { name: string; payload: Schema }> };
}

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  console.log(`seed ${seed}: PLAYHEAD_TEST_SEED repeats it`);
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
  });
  expect(await command('session.start', {})).toBe(200);
  expect(await command('participant.join', { participantId: 'x', kind: 'agent' })).toBe(200);
  expect(await command('message.start', { messageId: 'x' })).toBe(200);
  expect(await command('tool.call', { callId: 'x', tool: 'sh' })).toBe(200);
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const check = <Input>(
  inputs: fc.Arbitrary<Input>,
  holds: (input: Input) => Promise<void>,
  some: { readonly numRuns?: number; readonly seed?: number } = {},
): Promise<void> =>
  fc.assert(fc.asyncProperty(inputs, holds), { seed, numRuns: RUNS, endOnFailure: true, ...some });

/** A command to session x, so that there is something for others to be about. */
async function command(type: string, data: object): Promise<number> {
  const about = { type: 'application/json', body: JSON.stringify(data) };
  return (await service.request(`/api/sessions/x/commands/${type}`, about)).status;
}

let lastHead: string | undefined;

/** What was refused must leave the log's end where it was. */
async function expectNothingStored(got: string): Promise<void> {
  expect([got, await service.head()]).toEqual([got, lastHead]);
}

/** Sends what must store nothing when it is refused, and answers whether it was taken. */
async function isTaken(path: string, method: string, body?: string): Promise<boolean> {
  lastHead ??= await service.head();
  const about = body === undefined ? { method } : { method, type: 'application/json', body };
  const answer = await service.request(path, about);
  if (answer.status < 300) {
    if (method === 'POST') lastHead = undefined;
    return true;
  }
  const { code } = answer.body as { code?: keyof typeof errorCodes };
  const got = `${method} ${path} ${body}: ${answer.status} ${answer.text}`;
  // Ingest refuses as the service whose place it takes does, without codes.
  const expected = code ? errorCodes[code].status : answer.status;
  expect([got, answer.status]).toEqual([got, expected]);
  // Whoever asks for a revision that is yet to come waits for it, and is answered that it has not
  // come.
  expect([got, answer.status < 500 || code === 'not-yet']).toEqual([got, true]);
  if (method === 'POST') await expectNothingStored(got);
  return false;
}

const ids = fc.constantFrom('x', 'x', 'y', 'y', 'nobody', 'ü/?#', '%2e');
const withId = (path: string, id: string): string => path.replace('{id}', encodeURIComponent(id));

describe('over HTTP', () => {
  it('every body that the document describes is taken or refused with a code', async () => {
    const { paths } = await service.get<OpenApi>('/api/docs');
    const neverTaken: string[] = [];
    // What ends a session or puts it to sleep comes last, or nothing else would be taken.
    const isLast = ([path]: readonly [string, unknown]): number =>
      /session\.(idle|resume|end)$/.test(path) ? 1 : 0;
    const inOrder = Object.entries(paths).sort((a, b) => isLast(a) - isLast(b));
    for (const [path, { post }] of inOrder) {
      if (!post) continue;
      const schema = post.requestBody?.content['application/json']?.schema;
      const valid = schema ? fitting(schema, names) : fc.constant(undefined);
      let taken = 0;
      // Only work can be cancelled.
      await command('session.set-state', { state: 'working' });
      lastHead = undefined;
      const takes = async ([id, body]: [string, unknown]): Promise<void> => {
        if (await isTaken(withId(path, id), 'POST', JSON.stringify(body))) taken += 1;
      };
      await check(fc.tuple(ids, valid), takes);
      // With few runs chance may never have named what the command is about.
      for (let more = 1; taken === 0 && more <= 10; more += 1) {
        await check(fc.tuple(ids, valid), takes, { numRuns: RUNS, seed: seed + more });
      }
      if (taken === 0) neverTaken.push(path);
      if (!schema) continue;
      await check(fc.tuple(ids, mutated(valid)), async ([id, body]) => {
        await isTaken(withId(path, id), 'POST', body);
      });
    }
    // Of random keys none can be revoked or rotated, and random names are no projections.
    const isOfRandomThings = (path: string) => /^\/api\/(keys|projections)\//.test(path);
    // Files are no bodies that the document describes.
    const takesFiles = (path: string) => /^\/api\/(import|upload)$/.test(path);
    expect(neverTaken.filter((path) => !isOfRandomThings(path) && !takesFiles(path))).toEqual([]);
  }, 300_000);

  it('every question, with parameters of any kind, is answered or refused with a code', async () => {
    const { paths } = await service.get<OpenApi>('/api/docs');
    for (const [path, { get }] of Object.entries(paths)) {
      if (!get) continue;
      const inQuery = get.parameters.filter((one) => one.in === 'query');
      const odd = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('-1', '1e9', '', '\0'));
      const parameters = fc.record(
        Object.fromEntries(
          inQuery.map(({ name, schema }) => [name, fc.oneof(fitting(schema, names), odd)]),
        ),
        { requiredKeys: [] },
      );
      await check(fc.tuple(ids, parameters), async ([id, query]) => {
        const texts = Object.entries(query).map(([name, value]) => [name, String(value)]);
        const asked = new URLSearchParams(texts).toString();
        await isTaken(`${withId(path, id)}?${asked}`, 'GET');
      });
    }
  }, 300_000);

  it('leaves nothing behind that cannot be read', async () => {
    await service.caughtUp();
    const ready = await service.get<{ projections: { parked: number }[] }>('/health/ready');
    expect(ready.projections.filter(({ parked }) => parked > 0)).toEqual([]);
    const { sessions } = await service.get<{ sessions: { id: string }[] }>('/api/sessions');
    expect(sessions.length).toBeGreaterThan(1);
    for (const { id } of sessions) {
      for (const list of ['', '/messages', '/participants', '/tools', '/events']) {
        await service.get(`/api/sessions/${encodeURIComponent(id)}${list}`);
      }
    }
  });
});

describe('on the socket', () => {
  let socket: ViewerSocket;
  beforeEach(() => {
    socket = service.connect(adminKey);
  });
  afterEach(() => {
    socket.disconnect();
  });

  it('every payload that the document describes is taken or refused with a code', async () => {
    const { operations, components } = await service.get<AsyncApi>('/api/asyncapi.json');
    const received = Object.entries(operations).filter(([, { action }]) => action === 'receive');
    expect(received.length).toBeGreaterThan(4);
    for (const [operation] of received) {
      const { name, payload } = components.messages[operation] ?? { name: '', payload: {} };
      const valid = fitting(payload, names);
      const texts = fc.oneof(
        valid.map((payload) => JSON.stringify(payload)),
        // What JavaScript cannot hold cannot be sent by this client.
        mutated(valid).filter((text) => !/1e400|9{400}|\[{1000}/.test(text)),
      );
      await check(
        texts,
        async (text) => {
          const sent = JSON.parse(text) as unknown;
          lastHead ??= await service.head();
          const untyped = socket as unknown as {
            timeout(ms: number): { emitWithAck(event: string, sent: unknown): Promise<Refused> };
          };
          const answer = await untyped.timeout(5_000).emitWithAck(name, sent);
          const got = `${name} ${text}: ${JSON.stringify(answer)}`;
          if ((answer as { ok: boolean }).ok) {
            lastHead = undefined;
            return;
          }
          expect([got, Object.keys(errorCodes)]).toEqual([
            got,
            expect.arrayContaining([answer.code]),
          ]);
          expect([got, errorCodes[answer.code].status < 500]).toEqual([got, true]);
          await expectNothingStored(got);
        },
        { numRuns: 6 * RUNS },
      );
      expect(socket.connected).toBe(true);
    }
  }, 300_000);
});
