import { until } from '../support/postgres-process.ts';
import type { Answer, RunningService } from '../support/service.ts';
import { isCaughtUp, revisions, startStreaming, type Streaming } from '../support/streaming.ts';

let streaming: Streaming;
let service: RunningService;
beforeAll(async () => {
  streaming = await startStreaming();
  ({ service } = streaming);
});
afterEach(() => streaming.closeAll());
afterAll(() => streaming.stop());

const open: Streaming['open'] = (...about) => streaming.open(...about);
const refusal: Streaming['refusal'] = (...about) => streaming.refusal(...about);
const session: Streaming['session'] = (...about) => streaming.session(...about);
const inLog: Streaming['inLog'] = (...about) => streaming.inLog(...about);
const say: Streaming['say'] = (...about) => streaming.say(...about);
const ask: Streaming['ask'] = (...about) => streaming.ask(...about);
const metric: Streaming['metric'] = (...about) => streaming.metric(...about);

describe('the cookie for streams', () => {
  const cookieFrom = (answer: Answer): string => answer.headers.get('set-cookie') ?? '';
  const shown = (answer: Answer): string => cookieFrom(answer).split(';')[0] ?? '';

  it('opens streams and nothing else, whatever the method', async () => {
    await session('cookied', 2);
    const answer = await service.request('/api/stream/cookie', { method: 'POST' });
    expect(answer.status).toBe(204);
    expect(cookieFrom(answer)).toMatch(
      /^playhead_stream=[^;]+; Path=\/api; HttpOnly; SameSite=Strict$/,
    );
    const cookie = shown(answer);
    for (const path of ['/api/sessions/cookied/stream', '/api/stream', '/api/realtime/stream']) {
      const reader = await open(path, { key: undefined, headers: { cookie } });
      expect(reader.response.statusCode).toBe(200);
    }
    const refused = [401, 'unauthenticated', undefined];
    for (const path of ['/api/sessions', '/api/sessions/cookied/events', '/metrics', '/api/docs']) {
      expect([path, await refusal(path, { cookie }, null)]).toEqual([path, refused]);
    }
    const writes = [
      ['POST', '/api/sessions'],
      ['POST', '/api/sessions/cookied/commands/message.post'],
      ['POST', '/api/stream/cookie'],
      ['DELETE', '/api/stream/cookie'],
      ['POST', '/api/stream'],
      ['POST', '/api/sessions/cookied/stream'],
    ];
    for (const [method = '', path = ''] of writes) {
      const body = method === 'POST' ? { body: '{}', type: 'application/json' } : {};
      const options = { method, key: null, headers: { cookie }, ...body };
      const { status } = await service.request(path, options);
      expect([method, path, status]).toEqual([method, path, 401]);
    }
    expect(await inLog('cookied')).toHaveLength(2);
  });

  it('gives way to a key in the header, and holds what no cookie may', async () => {
    const cookie = shown(await service.request('/api/stream/cookie', { method: 'POST' }));
    expect(await refusal('/api/stream', { cookie }, 'ph_nobody_has_this')).toEqual([
      ...[401, 'unauthenticated', undefined],
    ]);
    expect(await refusal('/api/stream', { cookie: 'playhead_stream=%zz' }, null)).toEqual([
      ...[401, 'unauthenticated', undefined],
    ]);
    expect(await refusal('/api/stream/cookie', { cookie }, null)).toEqual([
      ...[401, 'unauthenticated', undefined],
    ]);
  });

  it('is for secure connections only when it came over one, and can be removed', async () => {
    const headers = { 'x-forwarded-proto': 'https' };
    const made = await service.request('/api/stream/cookie', { method: 'POST', headers });
    expect(cookieFrom(made)).toMatch(/; Secure$/);
    const removed = await service.request('/api/stream/cookie', { method: 'DELETE' });
    expect(removed.status).toBe(204);
    expect(cookieFrom(removed)).toMatch(/^playhead_stream=; .*Max-Age=0$/);
  });
});

describe('a stream whose key is revoked', () => {
  it('is notified and gets nothing more within a second, and cannot come back', async () => {
    await session('secret', 2);
    const created = await ask('/api/keys', { name: 'viewer', scopes: ['read'] });
    const { id, key } = created.body as { id: string; key: string };
    const paths = ['/api/sessions/secret/stream', '/api/stream', '/api/realtime/stream'];
    const theirs = await Promise.all(paths.map((path) => open(path, { key })));
    const sleeper = await open('/api/sessions/secret/stream', { key });
    sleeper.pause();
    const mine = await open('/api/sessions/secret/stream');
    await Promise.all(theirs.slice(0, 2).map((one) => one.until(isCaughtUp(one))));
    await mine.until(isCaughtUp(mine));
    expect(await metric('streams')).toBe(5);
    await ask(`/api/keys/${id}/revoke`);
    const revokedAt = Date.now();
    await Promise.all(theirs.map((one) => one.over()));
    await until(async () => (await metric('streams')) === 1);
    expect(Date.now() - revokedAt).toBeLessThan(1_000);
    for (const one of theirs) {
      expect(one.named('closed')).toMatchObject([{ code: 'unauthenticated', retry: false }]);
    }
    await say('secret', 'not for them');
    await mine.until(() => revisions(mine).includes(2));
    for (const one of theirs) expect(one.raw).not.toContain('not for them');
    sleeper.resume();
    await sleeper.over();
    expect(sleeper.raw).not.toContain('not for them');
    expect(await refusal(paths[0] ?? '', {}, key)).toEqual([401, 'unauthenticated', undefined]);
  });

  it('is cut when it is not read, with what waited for it', async () => {
    await streaming.report('much', 0, 1);
    const created = await ask('/api/keys', { name: 'sleeper', scopes: ['read'] });
    const { id, key } = created.body as { id: string; key: string };
    const sleeper = await open('/api/sessions/much/stream', { key });
    await sleeper.until(isCaughtUp(sleeper));
    sleeper.pause();
    await streaming.report('much', 1, 200, 90_000);
    await until(async () => (await metric('stream_pending_bytes')) > 0);
    await ask(`/api/keys/${id}/revoke`);
    await new Promise((resolve) => setTimeout(resolve, 800));
    sleeper.resume();
    await sleeper.over();
    expect(sleeper.messages().length).toBeLessThan(199);
    expect(sleeper.named('closed')).toEqual([]);
  });
});
