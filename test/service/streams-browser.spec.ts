import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

/* What runs in the page is written as its scripts would be: plain EventSource, nothing of ours. */

const sessionId = 'in a browser';
const path = `/api/sessions/${encodeURIComponent(sessionId)}`;

(browserPath ? describe : describe.skip)('EventSource in a browser', () => {
  let browser: Browser;
  let database: TestDatabase;
  let service: RunningService;
  let cable: TcpProxy;
  let page: Page;

  const start = (PORT = '0'): Promise<RunningService> =>
    RunningService.start({ PORT, DATABASE_URL: database.url });

  beforeAll(async () => {
    browser = await launchBrowser();
    database = await freshDatabase();
    service = await start();
    cable = await startTcpProxy(service.url);
    await post('/api/sessions', { sessionId });
    page = await browser.newPage();
    await page.goto(`${cable.url}/health/live`);
  });
  afterAll(async () => {
    await browser.close();
    await cable.close();
    await service.stop();
    await database.drop();
  });

  const post = async (to: string, body: object): Promise<void> => {
    const about = { type: 'application/json', body: JSON.stringify(body) };
    expect((await service.request(to, about)).status).toBeLessThan(300);
  };

  let said = 0;
  const say = async (times: number): Promise<void> => {
    for (let nth = 0; nth < times; nth += 1) {
      said += 1;
      await post(`${path}/commands/message.post`, { content: `${said}` });
    }
  };

  const inPage = <Value>(script: string): Promise<Value> => page.evaluate<Value>(script);

  const until = async (script: string): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (!(await inPage<boolean>(script))) {
      if (Date.now() > deadline) throw new Error(`waited in vain for ${script}`);
      await sleep(50);
    }
  };

  const revisionsTo = (last: number): number[] => Array.from({ length: last }, (_, nth) => nth + 1);

  it('is let in by the cookie, which no script of the page can read', async () => {
    await inPage(`new Promise((resolve) => {
      const refused = new EventSource('${path}/stream');
      refused.onerror = () => resolve(window.refused = refused.readyState);
    })`);
    expect(await inPage('window.refused === EventSource.CLOSED')).toBe(true);
    const status = await inPage(`fetch('/api/stream/cookie', {
      method: 'POST', headers: { authorization: 'Bearer ${adminKey}' },
    }).then(({ status }) => status)`);
    expect(status).toBe(204);
    expect(await inPage('document.cookie')).toBe('');
    await inPage(`
      window.seen = [];
      window.opened = 0;
      window.source = new EventSource('${path}/stream');
      source.onopen = () => (opened += 1);
      source.addEventListener('view', ({ data }) => {
        window.views = (window.views ?? 0) + 1;
        window.revision = JSON.parse(data).revision;
      });
      source.onmessage = ({ data, lastEventId }) => {
        const { revision, id } = JSON.parse(data);
        seen.push(lastEventId === revision + '.' + id ? revision : lastEventId);
      };`);
    // What is said before that is in the view.
    await until('window.revision === 0');
    await say(5);
    await until('seen.length >= 5');
    expect(await inPage('[revision, seen]')).toEqual([0, revisionsTo(5)]);
    expect(await inPage("fetch('/api/sessions').then(({ status }) => status)")).toBe(401);
  }, 60_000);

  it('goes on by itself after a cut and after a killed service: no hole, no double', async () => {
    cable.cut();
    await say(20);
    await until('opened >= 2');
    await say(3);
    await until(`seen.length >= ${said}`);
    await service.kill();
    service = await start(new URL(service.url).port);
    await say(20);
    await until('opened >= 3');
    await say(3);
    await until(`seen.length >= ${said}`);
    // What would come twice came soon after.
    await sleep(200);
    expect(await inPage('[views, seen]')).toEqual([1, revisionsTo(said)]);
    expect(await inPage('source.readyState === EventSource.OPEN')).toBe(true);
  }, 60_000);

  it('is not let in any more once the cookie is removed', async () => {
    await inPage(`fetch('/api/stream/cookie', {
      method: 'DELETE', headers: { authorization: 'Bearer ${adminKey}' },
    })`);
    const state = await inPage(`new Promise((resolve) => {
      const late = new EventSource('${path}/stream');
      late.onopen = () => resolve('open');
      late.onerror = () => resolve(late.readyState === EventSource.CLOSED);
    })`);
    expect(state).toBe(true);
  }, 60_000);
});
