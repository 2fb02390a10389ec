import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import {
  evolveOpenView,
  type OpenView,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import type { EventReader } from '../support/event-reader.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, ingestKey, type RunningService } from '../support/service.ts';
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

describe('the stream of a session', () => {
  it('is the log from a cursor on, then what comes, each event with the cursor behind it', async () => {
    const past = await session('one', 4);
    const reader = await open('/api/sessions/one/stream?after=-1');
    await reader.until(isCaughtUp(reader));
    expect(reader.messages()).toEqual(past);
    expect(reader.named('caught-up')).toEqual([{ revision: 3 }]);
    await say('one', 'something new');
    await reader.until(() => reader.messages().length === 5);
    expect(reader.messages()).toEqual(await inLog('one'));
    const cursors = reader.blocks.filter(({ event }) => event === 'message').map(({ id }) => id);
    expect(cursors).toEqual((await inLog('one')).map(({ revision, id }) => `${revision}.${id}`));
    expect(reader.retryMs).toBeGreaterThan(0);
  });

  it.each([
    ['0', [1, 2, 3]],
    ['1', [2, 3]],
    ['3', []],
  ])('begins behind revision %s', async (after, expected) => {
    await session(`from-${after}`, 4);
    const reader = await open(`/api/sessions/from-${after}/stream?after=${after}`);
    await reader.until(isCaughtUp(reader));
    expect(revisions(reader)).toEqual(expected);
  });

  it('begins with a view when nothing says where, and its id is where the events go on', async () => {
    const past = await session('viewed', 3);
    const reader = await open('/api/sessions/viewed/stream');
    await reader.until(isCaughtUp(reader));
    const [first] = reader.blocks;
    expect([first?.event, first?.id]).toEqual(['view', `2.${past[2]?.id}`]);
    const { view, revision } = first?.data as { view: OpenView; revision: number };
    expect([revision, view.session.revision]).toEqual([2, 2]);
    expect(view.messages.map(({ content }) => content)).toEqual(['message 1', 'message 2']);
    await say('viewed', 'later');
    await reader.until(() => reader.messages().length === 1);
    expect(revisions(reader)).toEqual([3]);

    const again = await open('/api/sessions/viewed/stream', { lastEventId: first?.id });
    await again.until(isCaughtUp(again));
    expect([revisions(again), again.named('view')]).toEqual([[3], []]);
  });

  it('has the timeline in its view: what the log holds, each entry where it began', async () => {
    await session('timed', 2);
    const command = (type: string, data: object) =>
      ask(`/api/sessions/timed/commands/${type}`, data);
    await command('tool.call', { callId: 'c1', tool: 'search' });
    await command('message.post', { content: 'meanwhile' });
    await command('tool.output', { callId: 'c1', text: 'found' });
    await service.caughtUp();
    const reader = await open('/api/sessions/timed/stream');
    await reader.until(isCaughtUp(reader));
    const [opened] = reader.named<{ view: OpenView }>('view');
    const { entries, before } = opened?.view.timeline ?? {};
    expect([before, entries]).toMatchObject([
      null,
      [
        { kind: 'event', startedRevision: 0, event: { type: 'session.started' } },
        { kind: 'message', startedRevision: 1, message: { content: 'message 1' } },
        { kind: 'tool', startedRevision: 2, tool: { callId: 'c1', output: 'found' } },
        { kind: 'message', startedRevision: 3, message: { content: 'meanwhile' } },
      ],
    ]);
    const folded = (await inLog('timed')).reduce<OpenView | undefined>(evolveOpenView, undefined);
    expect(opened?.view.timeline).toEqual(folded?.timeline);
  });

  it('goes on from Last-Event-ID, whatever the address says', async () => {
    const past = await session('resumed', 4);
    const at = (nth: number): string => `${nth}.${past[nth]?.id}`;
    for (const query of ['', '?after=-1', '?after=2', `?after=3&afterId=${past[3]?.id}`]) {
      const reader = await open(`/api/sessions/resumed/stream${query}`, { lastEventId: at(1) });
      await reader.until(isCaughtUp(reader));
      expect(revisions(reader)).toEqual([2, 3]);
    }
    const zero = await open('/api/sessions/resumed/stream', { lastEventId: at(0) });
    await zero.until(isCaughtUp(zero));
    expect(revisions(zero)).toEqual([1, 2, 3]);
    const bare = await open('/api/sessions/resumed/stream', { lastEventId: '2' });
    await bare.until(isCaughtUp(bare));
    expect(revisions(bare)).toEqual([3]);
  });

  it('is refused as any request before its first byte, with the code and the field', async () => {
    const [first] = await session('strict', 2);
    const path = '/api/sessions/strict/stream';
    const stranger = 'e0a2c6de-5f16-4c1c-9a3d-0d9a1f9c1b11';
    expect(await refusal('/api/sessions/nobody/stream')).toEqual([404, 'not-found', undefined]);
    expect(await refusal('/api/sessions/%00/stream')).toEqual([404, 'not-found', undefined]);
    const unknown = [410, 'cursor-unknown', undefined];
    expect(await refusal(`${path}?after=2`)).toEqual(unknown);
    expect(await refusal(`${path}?after=1&afterId=${first?.id}`)).toEqual(unknown);
    expect(await refusal(path, { 'last-event-id': `0.${stranger}` })).toEqual(unknown);
    expect(await refusal(`${path}?after=x`)).toEqual([400, 'invalid', 'after']);
    expect(await refusal(`${path}?after=-2`)).toEqual([400, 'invalid', 'after']);
    expect(await refusal(`${path}?afterId=${stranger}`)).toEqual([400, 'invalid', 'afterId']);
    expect(await refusal(`${path}?aftr=1`)).toEqual([400, 'invalid', 'aftr']);
    for (const id of ['x', '-1', '1.x', '1.', '99999999999', '0x1', '1.1.1']) {
      const got = await refusal(path, { 'last-event-id': id });
      expect([id, got]).toEqual([id, [400, 'invalid', 'last-event-id']]);
    }
    expect(await refusal(path, {}, null)).toEqual([401, 'unauthenticated', undefined]);
    expect(await refusal(path, {}, ingestKey)).toEqual([403, 'forbidden', undefined]);
    expect(await refusal(`${path}?key=${adminKey}`, {}, null)).toEqual([
      ...[401, 'unauthenticated', undefined],
    ]);
    expect(await metric('streams')).toBe(0);
  });

  it('is kept from caches, from compression and from being held back', async () => {
    await session('headers', 1);
    const reader = await open('/api/sessions/headers/stream', {
      headers: { 'accept-encoding': 'gzip, br' },
    });
    expect(reader.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    expect(reader.response.headers['content-encoding']).toBeUndefined();
    const head = await service.request('/api/sessions/headers/stream', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  });

  it('is readable with curl, and goes with whoever reads it', async () => {
    await session('curled', 3);
    const curl = promisify(execFile)('curl', [
      ...['-sN', '--max-time', '1', '-H', `Authorization: Bearer ${adminKey}`],
      `${service.url}/api/sessions/curled/stream?after=0`,
    ]);
    const { stdout } = await curl.catch((ended: { stdout: string }) => ended);
    expect(stdout.match(/^id: \d+/gm)).toEqual(['id: 1', 'id: 2']);
    await until(async () => (await metric('streams')) === 0);
    expect(await metric('session_subscriptions')).toBe(0);
    expect(await metric('session_rooms')).toBe(0);
  });
});

describe('streams beside sockets', () => {
  it('are both sent what happens, of one session and of all', async () => {
    await session('shared', 2);
    await service.caughtUp();
    const [one, all] = [await open('/api/sessions/shared/stream'), await open('/api/stream')];
    await Promise.all([one, all].map((reader) => reader.until(isCaughtUp(reader))));
    const socket = service.connect();
    const ofSession: number[] = [];
    const ofAll: number[] = [];
    socket.on('session:events', ({ through }) => ofSession.push(through));
    socket.on('console:events', ({ events = [] }) => {
      ofAll.push(...events.map(({ revision }) => revision));
    });
    await socket.emitWithAck('session:open', { sessionId: 'shared' });
    await socket.emitWithAck('console:open', { events: true, filter: {} });
    await sleep(200);
    // Whoever comes last is not the only one either.
    const late = await open('/api/stream');
    await late.until(isCaughtUp(late));
    await say('shared', 'for all of you');
    await until(() => ofSession.includes(2) && ofAll.includes(2));
    for (const reader of [one, all, late]) await reader.until(() => revisions(reader).includes(2));
    expect([one, all, late].map(revisions)).toEqual([[2], [2], [2]]);
    socket.disconnect();
  });
});

describe('the stream of all sessions', () => {
  const idsIn = (reader: EventReader): string[] =>
    reader.messages<SessionEvent>().map(({ id }) => id);

  it('begins with the list, then has the events of all, each with the cursor behind it', async () => {
    await session('all-1', 2);
    await service.caughtUp();
    const reader = await open('/api/stream');
    await reader.until(isCaughtUp(reader));
    const [first] = reader.blocks;
    const list = first?.data as { position: string; epoch: string; sessions: SessionView[] };
    expect([first?.event, first?.id]).toEqual(['view', `${list.position}.${list.epoch}`]);
    expect(list.sessions.map(({ sessionId }) => sessionId)).toContain('all-1');
    const other = await session('all-2', 3);
    await say('all-1', 'more');
    await reader.until(() => reader.messages().length === 4);
    expect(idsIn(reader)).toEqual([...other, (await inLog('all-1'))[2]].map((one) => one?.id));
    const ids = reader.blocks.filter(({ event }) => event === 'message');
    for (const { id, data } of ids) {
      expect(id).toBe(`${(data as SessionEvent).position}.${list.epoch}`);
    }
    const [second, ...rest] = ids;
    for (const options of [{ lastEventId: second?.id }, {}]) {
      const after = options.lastEventId ? '' : `?after=${(second?.data as SessionEvent).position}`;
      const again = await open(`/api/stream${after}`, options);
      await again.until(() => again.messages().length >= rest.length && isCaughtUp(again)());
      expect(idsIn(again)).toEqual(rest.map(({ data }) => (data as SessionEvent).id));
    }
  });

  it('has only events of sessions that the filter lets in', async () => {
    await ask('/api/sessions', { sessionId: 'red', labels: { team: 'red' } });
    await ask('/api/sessions', { sessionId: 'blue', labels: { team: 'blue' } });
    await service.caughtUp();
    const reader = await open('/api/stream?label=team:red&source=api');
    await reader.until(isCaughtUp(reader));
    await say('blue', 'not for you');
    await say('red', 'for you');
    await reader.until(() => reader.messages().length > 0);
    await sleep(100);
    expect(reader.messages<SessionEvent>().map(({ sessionId }) => sessionId)).toEqual(['red']);
  });

  it('is refused with what is wrong', async () => {
    const head = await service.head();
    const unknown = [410, 'cursor-unknown', undefined];
    expect(await refusal(`/api/stream?after=${head}.another-epoch`)).toEqual(unknown);
    expect(await refusal('/api/stream', { 'last-event-id': `${head}.x` })).toEqual(unknown);
    expect(await refusal('/api/stream?after=x')).toEqual([400, 'invalid', 'after']);
    expect(await refusal('/api/stream', { 'last-event-id': '-1' })).toEqual([
      ...[400, 'invalid', 'last-event-id'],
    ]);
    expect(await refusal('/api/stream?status=nice')).toEqual([400, 'invalid', 'status']);
    expect(await refusal('/api/stream?label=x')).toEqual([400, 'invalid', 'label']);
    // With `conversationId` it is AgentPipe's stream, which has no filter.
    expect(await refusal('/api/stream?conversationId=x&status=ACTIVE')).toEqual([
      ...[400, 'invalid', 'status'],
    ]);
    expect(await refusal('/api/stream', {}, ingestKey)).toEqual([403, 'forbidden', undefined]);
    expect(await metric('streams')).toBe(0);
  });
});
