import { setTimeout as sleep } from 'node:timers/promises';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { repeats } from '../support/repeats.ts';
import { ingestKey, RunningService } from '../support/service.ts';
import { conversationBody, sessionBody } from '../support/uploaded.ts';
import { eventsOf, upload } from '../support/uploading.ts';

const KILLS = repeats({ few: 6, all: 20 });
const UPLOADS_AT_ONCE = 4;
/** One of them has more than an append of any other kind takes, where the store can take it. */
const messagesOf = (nth: number): number =>
  nth === 0 && !process.env.EVENTSTORE_URL ? 2_000 : 600;
/** Start, two participants, the messages and the end. */
const eventsIn = (nth: number): number => messagesOf(nth) + 4;

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
});

afterAll(async () => {
  await database.drop();
});

const start = (): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: database.url, PLAYHEAD_LOG_LEVEL: 'error' });

const bodyOf = (id: string, nth: number) =>
  (nth % 2 === 0 ? conversationBody : sessionBody)({ id, messages: messagesOf(nth) });

it('kill -9 amid uploads: each session is there whole or not at all', async () => {
  let service = await start();
  const began = performance.now();
  expect((await upload(service, bodyOf('measured', 0), ingestKey)).status).toBe(201);
  const tookMs = performance.now() - began;

  const outcomes = { answered: 0, storedUnanswered: 0, absent: 0 };
  for (let kill = 0; kill < KILLS; kill += 1) {
    const ids = Array.from({ length: UPLOADS_AT_ONCE }, (_, nth) => `killed ${kill} ${nth}`);
    const running = ids.map((id, nth) =>
      upload(service, bodyOf(id, nth), ingestKey).then(
        ({ status }) => status,
        () => undefined,
      ),
    );
    await sleep(((kill + Math.random()) / KILLS) * 2 * tookMs);
    await service.kill();
    const statuses = await Promise.all(running);

    service = await start();
    for (const [nth, id] of ids.entries()) {
      const { length } = await eventsOf(service, id);
      expect([0, eventsIn(nth)]).toContain(length);
      const status = statuses[nth];
      // Nothing that was answered is lost.
      if (status !== undefined) expect([status, length]).toEqual([201, eventsIn(nth)]);
      if (status !== undefined) outcomes.answered += 1;
      else if (length === eventsIn(nth)) outcomes.storedUnanswered += 1;
      else outcomes.absent += 1;
      // Sent again it is there once.
      const again = await upload(service, bodyOf(id, nth), ingestKey);
      expect(again.status).toBe(length === 0 ? 201 : 409);
      expect(await eventsOf(service, id)).toHaveLength(eventsIn(nth));
    }
  }
  console.log(`of uploads under kill -9: ${JSON.stringify(outcomes)}`);
  expect(outcomes.absent + outcomes.storedUnanswered).toBeGreaterThan(0);

  await service.caughtUp();
  for (let kill = 0; kill < KILLS; kill += 1) {
    const row = await service.get(`/api/sessions/${encodeURIComponent(`killed ${kill} 0`)}`);
    expect(row).toMatchObject({ totalMessages: messagesOf(0), totalTokens: 150 * messagesOf(0) });
  }
  expect(await service.stop()).toBe(0);
}, 480_000);
