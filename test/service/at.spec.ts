import type { SessionEvent } from '@playhead/contract';
import { pastOf } from '../support/past.ts';
import { repeats } from '../support/repeats.ts';
import {
  asJson,
  expectedOf,
  pathOf,
  ServiceWithPast,
  type Page,
} from '../support/service-with-past.ts';

/* What a session was at a revision, compared with the fold of its first events. */

const PAIRS = repeats({ few: 200, all: 1_000 });
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
let all: ServiceWithPast;

beforeAll(async () => {
  all = await ServiceWithPast.start(40, seed);
}, 90_000);

afterAll(() => all.stop());

it(`at ${PAIRS} random revisions every part is the fold of the first events`, async () => {
  let checked = 0;
  const check = async (): Promise<void> => {
    while (checked < PAIRS) {
      checked += 1;
      const { sessionId, revision, past } = all.pair();
      expect({ seed, sessionId, revision, ...(await all.answered(sessionId, revision)) }).toEqual({
        ...{ seed, sessionId, revision, ...expectedOf(past) },
      });
    }
  };
  await Promise.all([check(), check(), check(), check()]);
}, 240_000);

/** All items of a part, page by page. */
async function walked(path: string, part: string, limit: number, by: 'cursor' | 'page') {
  const walk: unknown[] = [];
  for (let page = 1, cursor: string | null = null; ; page += 1) {
    const where: string =
      by === 'page' ? `&page=${page}` : cursor === null ? '' : `&cursor=${cursor}`;
    const found: Page = await all.get(`${path}&limit=${limit}${where}`);
    const items = found[part] as unknown[];
    walk.push(...items);
    expect(items.length).toBeLessThanOrEqual(limit);
    cursor = found.pagination.next;
    if (cursor === null) return walk;
  }
}

it('pages, by cursor and by number, are those of the list as it was', async () => {
  for (let nth = 0; nth < 60; nth += 1) {
    const { sessionId, revision, past } = all.pair();
    const { messages, tools, participants } = expectedOf(past);
    const lists = { messages, tools, participants } as const;
    for (const [part, list] of Object.entries(lists)) {
      const path = pathOf(sessionId, `/${part}?at=${revision}`);
      const by = nth % 2 ? 'page' : 'cursor';
      const items = (list as Record<string, unknown>)[part];
      const found = await walked(path, part, 1 + all.among(4), by);
      expect({ seed, sessionId, revision, part, by, found }).toMatchObject({ found: items });
      expect(found).toHaveLength((items as object[]).length);
    }
    const limit = 1 + all.among(5);
    const found: unknown[] = [];
    for (let before: number | null = revision + 1; before !== null;) {
      const path = `/timeline?at=${revision}&limit=${limit}&before=${before}`;
      const page: Page = await all.get(pathOf(sessionId, path));
      found.unshift(...(page.timeline as unknown[]));
      before = page.pagination.before;
    }
    expect(found).toEqual(asJson(past.timeline));
  }
}, 120_000);

it('what is read of the past does not change while the session goes on', async () => {
  const sessionId = 'grows';
  const ask = async (type: string, data: object): Promise<void> => {
    const path = pathOf(sessionId, `/commands/${type}`);
    const answer = await all.request(path, { method: 'POST', body: JSON.stringify(data) });
    if (answer.status !== 200) throw new Error(await answer.text());
  };
  const open = await all.request('/api/sessions', {
    method: 'POST',
    body: JSON.stringify({ sessionId }),
  });
  expect(open.status).toBe(201);
  let isGrowing = true;
  const grow = async (): Promise<void> => {
    for (let nth = 0; nth < 40; nth += 1) {
      await ask('message.start', { messageId: `m${nth}` });
      await ask('tool.call', { callId: `c${nth}`, tool: 'sh' });
      await ask('message.append', { messageId: `m${nth}`, index: 0, text: `${nth}, ` });
      await ask('tool.output', { callId: `c${nth}`, text: `${nth}` });
      if (nth % 3 > 0) await ask('message.complete', { messageId: `m${nth}` });
      if (nth % 4 > 0) await ask('tool.finish', { callId: `c${nth}` });
    }
    isGrowing = false;
  };
  const reads: { revision: number; found: object }[] = [];
  const growing = grow();
  while (isGrowing) {
    const { events } = await all.get<{ events: SessionEvent[] }>(
      pathOf(sessionId, '/events?limit=1000'),
    );
    const revision = all.among(events.length);
    reads.push({ revision, found: await all.answered(sessionId, revision) });
  }
  await growing;
  const { events } = await all.get<{ events: SessionEvent[] }>(
    pathOf(sessionId, '/events?limit=1000'),
  );
  expect(reads.length).toBeGreaterThan(5);
  for (const { revision, found } of reads) {
    expect({ revision, ...found }).toEqual({
      revision,
      ...expectedOf(pastOf(events.slice(0, revision + 1))),
    });
  }
}, 60_000);
