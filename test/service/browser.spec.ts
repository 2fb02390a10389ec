import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { recordedRuns } from '../support/samples.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { root } from '../support/sources.ts';

const [, example = ''] = /```html\n(.*?)```/s.exec(readFileSync(`${root}README.md`, 'utf8')) ?? [];
const documented = 'http://127.0.0.1:3000';

const message = (session: string, nth: number): string =>
  JSON.stringify({
    type: 'message.created',
    timestamp: '2026-01-01T00:00:00Z',
    data: {
      ...{ conversation_id: session, message_id: `m${nth}`, sequence_number: nth },
      ...{ agent_type: 'claude', agent_name: 'Ada', content: `<b>message</b> & ${nth}\n✅` },
    },
  });

const made = Array.from({ length: 12 }, (_, nth) => message('made', nth));
/** A real run where the recordings are at hand. */
const bodies = recordedRuns.find(({ name }) => name.startsWith('completed_3'))?.bodies ?? made;

/** Looks seldom: the browser and the service share the machine with who looks. */
const until = async (condition: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 40_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited 40 s in vain');
    await sleep(100);
  }
};

interface Body {
  type: string;
  data: { conversation_id?: string; agent_name?: string; content?: string };
}

/** What the page is to show of these bodies. */
const shown = (list: readonly string[]): string[] =>
  list
    .map((body) => JSON.parse(body) as Body)
    .filter(({ type }) => type === 'message.created')
    .map(({ data }) => `${data.agent_name}: ${data.content}`);

const sessionOf = (list: readonly string[]): string =>
  list.map((body) => (JSON.parse(body) as Body).data.conversation_id).find(Boolean) ?? '';

(browserPath ? describe : describe.skip)("the README's page, from another origin", () => {
  let browser: Browser;
  let pages: Server;
  let origin: string;
  let database: TestDatabase;
  let service: RunningService;

  const startService = (PORT = '0'): Promise<RunningService> =>
    RunningService.start({
      PORT,
      DATABASE_URL: database.url,
      PLAYHEAD_INGEST_PER_MINUTE: '100000',
    });

  /** The README's words but for the address. */
  const html = (): string => example.replaceAll(documented, service.url);

  beforeAll(async () => {
    expect(example.split(documented)).toHaveLength(3);
    browser = await launchBrowser();
    database = await freshDatabase();
    service = await startService();
    pages = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(html());
    });
    await once(pages.listen(0, '127.0.0.1'), 'listening');
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  });

  afterAll(async () => {
    await browser.close();
    pages.close();
    expect(await service.stop()).toBe(0);
    await database.drop();
  });

  const open = async (session: string, key = adminKey, at = `${origin}/page.html`) => {
    const page = await browser.newPage();
    const faults: string[] = [];
    const frames: string[] = [];
    let connections = 0;
    page.on('pageerror', ({ message }) => faults.push(message));
    page.on('websocket', (socket) => {
      connections += 1;
      socket.on('framereceived', ({ payload }) => frames.push(payload.toString()));
    });
    await page.goto(`${at}#${session},${key}`);
    return { page, faults, frames, connections: () => connections };
  };

  const lines = (page: Page): Promise<string[]> => page.locator('#messages li').allTextContents();

  const showsAll = async (page: Page, list: readonly string[]): Promise<void> => {
    const all = shown(list);
    await until(async () => (await lines(page)).length >= all.length);
    // What would be shown twice came soon after.
    await sleep(300);
    expect(await lines(page)).toEqual(all);
  };

  const post = async (body: string): Promise<void> => {
    for (;;) {
      const answer = await service.ingest(body).catch(() => undefined);
      if (answer?.status === 200 || answer?.status === 201) return;
      // The same bytes again: the service may have died before or after it kept them.
      await sleep(50);
    }
  };

  it('shows a recorded conversation, what was before it and what comes, once and in order', async () => {
    const half = Math.floor(bodies.length / 2);
    for (const body of bodies.slice(0, half)) await post(body);
    const session = sessionOf(bodies);
    const { page, faults } = await open(session);
    await showsAll(page, bodies.slice(0, half));
    for (const body of bodies.slice(half)) await post(body);
    await showsAll(page, bodies);
    expect(shown(bodies).length).toBeGreaterThan(10);
    expect(faults).toEqual([]);
    await page.close();
  });

  it('works as a file as well', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'page.html');
    await writeFile(file, html());
    await post(message('file', 0));
    const { page, faults } = await open('file', adminKey, pathToFileURL(file).href);
    await showsAll(page, [message('file', 0)]);
    expect(faults).toEqual([]);
    await page.close();
    await rm(folder, { recursive: true });
  });

  it('ends with every message once, in order, when the service is killed amid them', async () => {
    const session = 'killed';
    const sent = Array.from({ length: 250 }, (_, nth) => message(session, nth));
    await post(sent[0] ?? '');
    const { page, faults, connections } = await open(session);
    await showsAll(page, sent.slice(0, 1));
    const posting = (async () => {
      for (const body of sent.slice(1)) {
        await post(body);
        await sleep(10);
      }
    })();
    for (let kill = 1; kill <= 2; kill += 1) {
      const before = (await lines(page)).length;
      await until(async () => (await lines(page)).length > before + 30);
      await service.kill();
      service = await startService(new URL(service.url).port);
      await until(async () => connections() > kill);
    }
    await posting;
    await showsAll(page, sent);
    expect(faults).toEqual([]);
    await page.close();
  }, 120_000);

  it('shows nothing with a wrong key, not even on the wire', async () => {
    const session = 'secret';
    await post(message(session, 0));
    const stranger = await open(session, 'ph_a_key_of_nobody_at_all');
    const reader = await open(session);
    await showsAll(reader.page, [message(session, 0)]);
    await post(message(session, 1));
    await showsAll(reader.page, [message(session, 0), message(session, 1)]);
    expect(reader.frames.join()).toContain('<b>message');
    expect(await lines(stranger.page)).toEqual([]);
    expect(stranger.frames.join()).toContain('unauthenticated');
    expect(stranger.frames.join()).not.toContain('<b>');
    await Promise.all([stranger.page.close(), reader.page.close()]);
  });
});
