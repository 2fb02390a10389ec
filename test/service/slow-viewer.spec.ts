import { readFileSync } from 'node:fs';
import { watch } from '../../bench/slow.ts';
import { adminKey } from '../../bench/support/program.ts';
import { limits } from '../../src/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';

const MEBIBYTE = 1024 * 1024;

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({
    DATABASE_URL: database.url,
    PLAYHEAD_ADMIN_KEY: adminKey,
  });
});
afterAll(async () => {
  await service.stop();
  await database.drop();
});

const memory = (): number => {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
};

const metric = async (name: string): Promise<number> => {
  const { text } = await service.request('/metrics', { key: adminKey });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
};

it('a viewer paused for 30 s at 2,000 events/s beside 200 others: all end complete, bounded', async () => {
  const server = { url: service.url, memory, metric };
  const begun = performance.now();
  const watched = await watch(database.url, server, { pausedMs: 30_000, hasSlow: true });
  expect(watched.incomplete).toBe(0);
  const perSecond = (watched.events * 1_000) / (performance.now() - begun);
  console.log(`${watched.events} events, ${Math.round(perSecond)} a second`);
  expect(watched.pendingMax).toBeLessThan(limits.viewerBytesMax + 4 * MEBIBYTE);
  // At less than half the rate the socket is taken for dead before its buffers are full.
  if (perSecond < 1_000) return console.log('too slow a machine to put a viewer behind');
  expect(watched.behindMax).toBeGreaterThan(0);
  // It was over its budget, and by no more than a frame; the others have nearly nothing waiting.
  expect(watched.pendingMax).toBeGreaterThan(limits.viewerBytesMax / 4);
  expect(await metric('playhead_viewers_behind')).toBe(0);
}, 240_000);
