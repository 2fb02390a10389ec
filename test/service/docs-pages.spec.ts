import type { Browser } from 'playwright-core';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService } from '../support/service.ts';

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

const asBrowser = (path: string) =>
  service.request(path, { key: null, headers: { accept: 'text/html,*/*;q=0.8' } });

describe('a browser', () => {
  it.each(['/start', '/docs'])(
    'gets a page at %s, which may run nothing and ask nobody',
    async (path) => {
      const { status, headers, text } = await asBrowser(path);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain('unsafe');
      expect(policy).not.toContain('script-src');
      expect(text).not.toMatch(/<script|\son\w+=|\sstyle=|https?:\/\//i);
    },
  );

  it('is sent from / to the page that one begins at', async () => {
    const { status, headers } = await asBrowser('/');
    expect([status, headers.get('location')]).toEqual([302, '/start']);
  });

  it('leaves programs at / with what they got before', async () => {
    const { status, body } = await service.request('/');
    expect([status, body]).toMatchObject([404, { code: 'not-found' }]);
    expect((await service.request('/', { key: null })).status).toBe(401);
  });

  it('finds every operation and every event of the documents', async () => {
    const { text } = await asBrowser('/docs');
    const http = await service.get<{ paths: Record<string, object> }>('/api/docs');
    const socket = await service.get<{
      components: { messages: Record<string, { name: string }> };
    }>('/api/asyncapi.json');
    const events = Object.values(socket.components.messages)
      .map(({ name }) => name)
      .filter((name) => !name.endsWith(':answer'));
    const names = [...Object.keys(http.paths), ...events];
    expect(names.length).toBeGreaterThan(40);
    expect(names.filter((name) => !text.includes(`<code>${name}</code>`))).toEqual([]);
  });

  it('finds links from what refers to a schema to that schema, and none that leads nowhere', async () => {
    const { text } = await asBrowser('/docs');
    const targets = [...text.matchAll(/href="#([^"]+)"/g)].map(([, target]) => target);
    for (const target of ['schema-Problem', 'schema-refused']) {
      expect(targets.filter((one) => one === target).length).toBeGreaterThan(5);
    }
    const anchors = [...text.matchAll(/\sid="([^"]+)"/g)].map(([, anchor]) => anchor);
    expect(targets.filter((target) => !anchors.includes(target))).toEqual([]);
    expect(new Set(anchors).size).toBe(anchors.length);
  });
});

const inBrowser = browserPath === undefined ? describe.skip : describe;

inBrowser('in Chromium', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('one goes from / to an operation and an event, with no fault and no other host', async () => {
    const faults: string[] = [];
    const asked = new Set<string>();
    const view = await browser.newPage();
    view.on('console', (message) => faults.push(message.text()));
    view.on('pageerror', (error) => faults.push(error.message));
    view.on('request', (request) => asked.add(new URL(request.url()).origin));
    await view.goto(service.url);
    expect(await view.locator('h1').textContent()).toBe('Playhead');
    await view.getByRole('link', { name: 'What it takes and answers' }).click();
    const operation = view.locator('details', { hasText: '/api/search' }).first();
    await operation.locator('summary').first().click();
    await operation.getByText('Body').waitFor({ state: 'visible' });
    // By keyboard too.
    const event = view.locator('details', { hasText: 'session:open' }).first();
    await event.locator('summary').first().focus();
    await view.keyboard.press('Enter');
    await event.getByText('Answer').waitFor({ state: 'visible' });
    const styled = await view.evaluate(() => getComputedStyle(document.body).maxWidth);
    expect(styled).not.toBe('none');
    expect(faults).toEqual([]);
    expect([...asked].filter((origin) => origin !== service.url && origin !== 'null')).toEqual([]);
  }, 60_000);
});
