import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { Program } from '../support/program.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { root } from '../support/sources.ts';

/** Looks seldom: the browser and the service share the machine with who looks. */
const until = async (condition: () => Promise<boolean> | boolean): Promise<void> => {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited 20 s in vain');
    await sleep(50);
  }
};

const linesOf = (page: Page, css: string): Promise<string[]> => page.locator(css).allTextContents();

/** A page and what it did: requests, faults, and what it sent on its sockets. */
interface Watched {
  readonly page: Page;
  readonly requests: string[];
  readonly faults: string[];
  readonly sent: string[];
  sockets: number;
}

const watched = (page: Page): Watched => {
  const seen: Watched = { page, requests: [], faults: [], sent: [], sockets: 0 };
  page.on('request', (request) => seen.requests.push(new URL(request.url()).pathname));
  page.on('pageerror', ({ message }) => seen.faults.push(message));
  page.on('console', (said) => {
    if (['error', 'warning'].includes(said.type())) seen.faults.push(said.text());
  });
  page.on('websocket', (socket) => {
    seen.sockets += 1;
    socket.on('framesent', ({ payload }) => seen.sent.push(payload.toString()));
  });
  return seen;
};

const sentOf = ({ sent }: Watched, event: string): number =>
  sent.filter((frame) => frame.includes(`"${event}"`)).length;

(browserPath ? describe : describe.skip)('a page in a browser', () => {
  let browser: Browser;
  let database: TestDatabase;
  let service: RunningService;
  let examples: Program;
  let at: string;

  beforeAll(async () => {
    browser = await launchBrowser();
    database = await freshDatabase();
    service = await RunningService.start({ DATABASE_URL: database.url });
    examples = new Program({}, [process.execPath, 'examples/serve.mjs', '0']);
    at = await examples.printed(/(http:\S+)\/plain/);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await examples.stop();
    await service.stop();
    await database.drop();
  });

  const open = async (path: string): Promise<Watched> => {
    const seen = watched(await browser.newPage());
    // Browsers ask for an icon by themselves.
    await seen.page.route('**/favicon.ico', (route) => route.abort());
    await seen.page.goto(path);
    return seen;
  };

  const command = async (sessionId: string, type: string, data: object): Promise<void> => {
    const { status, text } = await service.request(`/api/sessions/${sessionId}/commands/${type}`, {
      ...{ type: 'application/json', body: JSON.stringify(data) },
      headers: { 'idempotency-key': randomUUID() },
    });
    if (status > 299) throw new Error(`${type}: ${status} ${text}`);
  };

  it('shows what another does that was reloaded in mid-stream, and asks for nothing but itself', async () => {
    await command('stream', 'session.start', { name: 'Tea' });
    const path = `${at}/plain/#stream,${adminKey},${service.url}`;
    const [stays, reloads] = [await open(path), await open(path)];
    const isLive = async ({ page }: Watched): Promise<boolean> =>
      (await linesOf(page, 'h1')).join() === 'Tea: live';
    for (const one of [stays, reloads]) await until(() => isLive(one));
    const words = Array.from({ length: 60 }, (_, nth) => `word${nth} `);
    const writing = (async () => {
      await command('stream', 'message.start', { messageId: 'm', agentName: 'Ada' });
      for (const [index, text] of words.entries()) {
        await command('stream', 'message.append', { messageId: 'm', index, text });
        if (index % 10 === 0) await command('stream', 'message.post', { content: `at ${index}` });
      }
    })();
    await until(async () => (await linesOf(reloads.page, 'li')).join().includes('word10 '));
    await reloads.page.reload();
    await until(async () => (await linesOf(reloads.page, 'li')).length > 0);
    const whole = await linesOf(reloads.page, 'li');
    await writing;
    const expected = [
      `Ada: ${words.join('')}`,
      ...[0, 10, 20, 30, 40, 50].map((n) => `user: at ${n}`),
    ];
    for (const { page } of [stays, reloads]) {
      await until(async () => (await linesOf(page, 'li')).length === 7);
      await until(async () => (await linesOf(page, 'li'))[0] === expected[0]);
      expect(await linesOf(page, 'li')).toEqual(expected);
    }
    // It was reloaded while the message was being written.
    expect(whole[0]?.length).toBeLessThan(expected[0]?.length ?? 0);
    const load = ['/plain/', '/dist/playhead.js'];
    expect([stays.requests, reloads.requests]).toEqual([load, [...load, ...load]]);
    expect([stays.sockets, reloads.sockets]).toEqual([1, 2]);
    expect([...stays.faults, ...reloads.faults]).toEqual([]);
    for (const { page } of [stays, reloads]) await page.close();
  }, 60_000);

  it('of React shows the list, a session of it and who types there, over one socket', async () => {
    await command('chat', 'session.start', { name: 'Chat' });
    const path = `${at}/react/#${adminKey},${service.url}`;
    const [ada, bob] = [await open(path), await open(path)];
    for (const { page } of [ada, bob]) await page.locator('li', { hasText: 'Chat' }).click();
    const input = ({ page }: Watched) => page.locator('input');
    await until(async () => sentOf(ada, 'session:open') === 1 && (await input(bob).isVisible()));
    const metrics = async () => (await service.request('/metrics')).text;
    await until(async () => (await metrics()).includes('session_subscriptions 2'));
    await input(ada).pressSequentially('Green, please');
    const asks = () => input(bob).getAttribute('placeholder');
    await until(async () => (await asks()) === 'Somebody types …');
    await input(ada).press('Enter');
    await until(async () => (await asks()) === 'Say it');
    for (const { page } of [ada, bob]) {
      await until(async () => (await linesOf(page, 'p')).join() === 'Green, please');
    }
    await command('chat', 'session.set-state', { state: 'working' });
    await until(async () => (await linesOf(bob.page, 'li')).includes('Chat: working'));
    // In StrictMode everything is set up, taken down and set up again.
    for (const one of [ada, bob]) {
      const sent = ['session:open', 'console:open', 'session:close', 'console:close'];
      expect(sent.map((event) => sentOf(one, event))).toEqual([1, 1, 0, 0]);
      expect([one.sockets, one.requests]).toEqual([1, ['/react/', '/dist/react.js']]);
    }
    await command('other', 'session.start', { name: 'Other' });
    await ada.page.locator('li', { hasText: 'Other' }).click();
    await until(() => sentOf(ada, 'session:close') === 1);
    expect([sentOf(ada, 'session:open'), sentOf(ada, 'console:close')]).toEqual([2, 0]);
    expect([...ada.faults, ...bob.faults]).toEqual([]);
    for (const { page } of [ada, bob]) await page.close();
  }, 60_000);

  it('with TanStack Query goes from idle to working to idle, to an error and back, by one request', async () => {
    const { outputFiles } = await build({
      entryPoints: [`${root}test/pages/cached.tsx`],
      ...{ bundle: true, write: false, format: 'esm', jsx: 'automatic' },
    });
    await command('b1', 'session.start', { name: 'badge one' });
    await command('b2', 'session.start', { name: 'badge two' });
    await service.caughtUp();
    const files: Record<string, readonly [type: string, text: string]> = {
      '/': ['text/html', '<!doctype html><body><script type="module" src="page.js"></script>'],
      '/page.js': ['text/javascript', outputFiles[0]?.text ?? ''],
    };
    // The page and the service's answers come from one origin, as behind a proxy.
    const origin = createServer((request, response) => {
      const path = request.url ?? '';
      const known = files[path];
      if (known) return void response.setHeader('content-type', known[0]).end(known[1]);
      void service.request(path).then(({ text }) => response.end(text));
    });
    await once(origin.listen(0, '127.0.0.1').unref(), 'listening');
    const { port } = origin.address() as AddressInfo;
    const seen = await open(`http://127.0.0.1:${port}/#${adminKey},${service.url}`);
    const { page, requests } = seen;
    const badge = page.locator('b', { hasText: 'b1' });
    await until(() => badge.isVisible());
    for (const [state, message] of [
      ['working', null],
      ['idle', null],
      ['working', null],
      ['error', 'exit 1'],
      ['working', null],
    ] as const) {
      await command('b1', 'session.set-state', { state, ...(message && { message }) });
      await until(async () => (await badge.textContent()) === `b1: ${state}`);
      expect(await badge.getAttribute('title')).toBe(message);
    }
    expect(await linesOf(page, 'b')).toContain('b2: null');
    expect(requests).toEqual(['/', '/page.js', '/api/sessions']);
    expect(seen.faults).toEqual([]);
    await page.close();
    origin.close();
  }, 60_000);
});
