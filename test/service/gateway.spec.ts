import { evolveOpenView, sessionStream, type OpenView } from '@playhead/contract';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGateway, type RunningGateway } from '../support/gateway.ts';
import { newEvent } from '../support/histories.ts';
import { streamMessage } from '../support/streamed-message.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

describe('a session opened over a socket', () => {
  let running: RunningGateway;
  let nth = 0;
  let sessionId: string;

  const watch = (id = sessionId): ReconnectingViewer =>
    new ReconnectingViewer(running.connect(), id);

  beforeAll(async () => {
    running = await startGateway();
  });
  afterAll(() => running.stop());
  beforeEach(() => {
    sessionId = `session ${(nth += 1)}`;
  });
  afterEach(() => expect(running.faults).toEqual([]));

  it('answers with a view and goes on with what comes after it', async () => {
    await streamMessage(running.log, sessionId, { to: 3 });
    const watcher = watch();
    const opened = await watcher.open();
    const last = await running.log.last(sessionStream(sessionId));
    expect(opened).toMatchObject({
      ok: true,
      sessionId,
      revision: 2,
      eventId: last?.id,
      epoch: running.log.epoch,
      view: { session: { revision: 2, counted: { messages: 3 } } },
    });
    await streamMessage(running.log, sessionId, { from: 3, to: 8 });
    await watcher.through(7);
    let view: OpenView | undefined = watcher.opened?.view;
    for (const event of watcher.events) view = evolveOpenView(view, event);
    const again = watch();
    await again.open();
    expect(again.opened).toMatchObject({ revision: 7, view });
    expect(watcher.faults).toEqual([]);
  });

  it('replays from any revision: -1 is the first, 0 skips revision 0', async () => {
    await streamMessage(running.log, sessionId, { to: 30 });
    const all = await running.log.read(sessionStream(sessionId), { after: -1, limit: 100 });
    for (const after of [-1, 0, 1, 28, 29]) {
      const watcher = watch();
      const opened = await watcher.open({ after });
      expect(opened).toEqual({
        ok: true,
        sessionId,
        revision: after,
        eventId: all[after]?.id ?? null,
        epoch: running.log.epoch,
      });
      await watcher.through(29);
      expect(watcher.events.map(({ id }) => id)).toEqual(all.slice(after + 1).map(({ id }) => id));
      expect(watcher.frames.at(-1)?.caughtUp).toBe(true);
      expect(watcher.faults).toEqual([]);
    }
  });

  it('refuses cursors that the log does not have', async () => {
    await streamMessage(running.log, sessionId, { to: 3 });
    const [first, second] = await running.log.read(sessionStream(sessionId), {
      after: -1,
      limit: 2,
    });
    const watcher = watch();
    const open = (at: object) => watcher.open(at);
    expect(await open({ after: 3 })).toMatchObject({ ok: false, code: 'cursor-unknown' });
    expect(await open({ after: 99 })).toMatchObject({ ok: false, code: 'cursor-unknown' });
    expect(await open({ after: 1, afterId: first?.id })).toMatchObject({ code: 'cursor-unknown' });
    expect(await open({ after: 0, afterId: first?.id })).toMatchObject({ ok: true, revision: 0 });
    expect(await open({ after: 1, afterId: second?.id })).toMatchObject({ ok: true, revision: 1 });
  });

  it('does not know a session without events, however it is asked', async () => {
    const watcher = watch();
    const before = running.subscriptions.viewers;
    for (const at of [{}, { after: -1 }, { after: 0 }, { after: 7 }]) {
      expect(await watcher.open(at)).toMatchObject({ ok: false, code: 'not-found', retry: false });
    }
    expect(running.subscriptions.viewers).toBe(before);
  });

  it('lets events pass that it does not know, of types and versions yet to come', async () => {
    const stream = sessionStream(sessionId);
    const watcher = watch();
    const events = [
      newEvent({ sessionId, type: 'nobody.knows', v: 3, data: { any: ['thing', null, 1e300] } }),
      newEvent({ sessionId, type: 'message.posted', v: 99, data: 'not even an object' }),
      newEvent({ sessionId, type: 'message.posted', data: null }),
    ];
    await streamMessage(running.log, sessionId, { to: 1 });
    await watcher.open({ after: 0 });
    await running.log.append({ stream, expected: 0, events });
    await watcher.through(3);
    expect(watcher.events).toMatchObject(
      events.map(({ id, type, v, data }) => ({ id, type, v, data })),
    );
    const late = watch();
    expect(await late.open()).toMatchObject({
      revision: 3,
      view: { session: { revision: 3, counted: { messages: 1 } } },
    });
  });

  it('opened once more on one socket goes on from the new cursor only', async () => {
    await streamMessage(running.log, sessionId, { to: 20 });
    const watcher = watch();
    await watcher.open({ after: 15 });
    await watcher.through(19);
    await watcher.open({ after: 9 });
    await streamMessage(running.log, sessionId, { from: 20, to: 25 });
    await watcher.through(24);
    expect(watcher.faults).toEqual([]);
    expect(running.subscriptions.viewers).toBeGreaterThan(0);
    const expected = [16, 17, 18, 19, ...Array.from({ length: 15 }, (_, n) => 10 + n)];
    expect(watcher.events.map(({ revision }) => revision)).toEqual(expected);
  });

  it('stays open when a second open is refused', async () => {
    await streamMessage(running.log, sessionId, { to: 2 });
    const watcher = watch();
    await watcher.open();
    expect(await watcher.open({ after: 50 })).toMatchObject({ code: 'cursor-unknown' });
    await streamMessage(running.log, sessionId, { from: 2, to: 4 });
    await watcher.through(3);
    expect(watcher.faults).toEqual([]);
  });

  it('answers every one of many opens at once, and delivers for the last', async () => {
    await streamMessage(running.log, sessionId, { to: 50 });
    const watcher = watch();
    const answers = await Promise.all([
      watcher.open(),
      watcher.open({ after: 3 }),
      watcher.open({ after: -1 }),
      watcher.open({ after: 40 }),
    ]);
    expect(answers.filter(({ ok }) => !ok)).toEqual(
      answers
        .slice(0, -1)
        .map(() => expect.objectContaining({ ok: false, code: 'refused' }) as object),
    );
    expect(answers.at(-1)).toMatchObject({ ok: true, revision: 40 });
    await streamMessage(running.log, sessionId, { from: 50, to: 55 });
    await watcher.through(54);
    expect(watcher.events.map(({ revision }) => revision)).toEqual(
      Array.from({ length: 14 }, (_, n) => 41 + n),
    );
    expect(watcher.faults).toEqual([]);
  });

  it('gets nothing more from the moment it is closed', async () => {
    await streamMessage(running.log, sessionId, { to: 2 });
    const watcher = watch();
    await watcher.open();
    const before = running.subscriptions.viewers;
    expect(await watcher.socket.emitWithAck('session:close', { sessionId })).toEqual({ ok: true });
    expect(running.subscriptions.viewers).toBe(before - 1);
    const other = watch();
    await other.open();
    await streamMessage(running.log, sessionId, { from: 2, to: 5 });
    await other.through(4);
    await sleep(50);
    expect(watcher.events).toEqual([]);
  });

  it('closed while it is being opened is refused and stays closed', async () => {
    await streamMessage(running.log, sessionId, { to: 2 });
    const watcher = watch();
    const opening = watcher.open();
    const closing = watcher.socket.emitWithAck('session:close', { sessionId });
    expect(await opening).toMatchObject({ ok: false, code: 'refused' });
    expect(await closing).toEqual({ ok: true });
    await streamMessage(running.log, sessionId, { from: 2, to: 3 });
    await sleep(50);
    expect(watcher.frames).toEqual([]);
  });

  it('shows nothing of any other session, and takes no cursor of one', async () => {
    const [a, b] = [`${sessionId} a`, `${sessionId} b`];
    await streamMessage(running.log, a, { to: 3 });
    await streamMessage(running.log, b, { to: 3 });
    const socket = running.connect();
    const strangers: string[] = [];
    socket.on('session:events', (frame) => {
      if (frame.sessionId !== a) strangers.push(frame.sessionId);
    });
    const [watcherA, watcherB] = [new ReconnectingViewer(socket, a), watch(b)];
    await watcherA.open();
    await watcherB.open();
    const last = await running.log.last(sessionStream(b));
    const withForeignId = { after: 2, afterId: last?.id ?? '' };
    expect(await watcherA.open(withForeignId)).toMatchObject({ code: 'cursor-unknown' });
    await Promise.all([
      streamMessage(running.log, a, { from: 3, to: 60 }),
      streamMessage(running.log, b, { from: 3, to: 60 }),
    ]);
    await Promise.all([watcherA.through(59), watcherB.through(59)]);
    expect([...strangers, ...watcherA.faults, ...watcherB.faults]).toEqual([]);
  });

  it('is one of a bounded number on a socket', async () => {
    const few = await startGateway({ roomsPerSocketMax: 2 });
    const ids = ['1', '2', '3'];
    for (const id of ids) await streamMessage(few.log, id, { to: 1 });
    const socket = few.connect();
    const [one, two, three] = ids.map((id) => new ReconnectingViewer(socket, id));
    expect(await one?.open()).toMatchObject({ ok: true });
    expect(await two?.open()).toMatchObject({ ok: true });
    expect(await three?.open()).toMatchObject({ ok: false, code: 'too-many-rooms' });
    expect(await two?.open({ after: -1 })).toMatchObject({ ok: true });
    await socket.emitWithAck('session:close', { sessionId: '1' });
    expect(await three?.open()).toMatchObject({ ok: true });
    await few.stop();
  });

  it('leaves nothing behind when its viewers have gone, in whatever way', async () => {
    const own = await startGateway();
    await streamMessage(own.log, sessionId, { to: 2_000 });
    const watchers = Array.from(
      { length: 12 },
      () => new ReconnectingViewer(own.connect(), sessionId),
    );
    await Promise.all(watchers.map((watcher, n) => watcher.open(n % 2 ? {} : { after: -1 })));
    await Promise.all(watchers.slice(0, 4).map((watcher) => watcher.through(1_999)));
    expect(own.gateway.sockets).toBe(12);
    // Some while they replay, some in the middle of an open, some close, some cut the cable.
    void watchers[10]?.open();
    for (const [n, { socket }] of watchers.entries()) {
      if (n % 3 === 0) await socket.emitWithAck('session:close', { sessionId });
      if (n % 3 === 1) socket.io.engine.close();
      socket.disconnect();
    }
    for (let wait = 0; own.gateway.sockets > 0 && wait < 100; wait += 1) await sleep(20);
    await streamMessage(own.log, sessionId, { from: 2_000, to: 2_010 });
    await sleep(50);
    expect(own.gateway.sockets).toBe(0);
    expect(own.gateway.pendingBytes).toBe(0);
    expect({ viewers: own.subscriptions.viewers, sessions: own.subscriptions.sessions }).toEqual({
      viewers: 0,
      sessions: 0,
    });
    await own.stop();
  });

  it('works over polling, and over an upgrade in the middle of a replay', async () => {
    await streamMessage(running.log, sessionId, { to: 900, length: 2_000 });
    for (const transports of [['polling'], ['polling', 'websocket']]) {
      const watcher = new ReconnectingViewer(running.connect({ transports }), sessionId);
      await watcher.open({ after: -1 });
      await watcher.through(899);
      expect(watcher.events).toHaveLength(900);
      expect(watcher.faults).toEqual([]);
    }
  });

  it('is replayed in frames of bounded size', async () => {
    await streamMessage(running.log, sessionId, { to: 300, length: 9_000 });
    // Once somebody has seen the last one, nothing of it is live any more.
    const first = watch();
    await first.open({ after: -1 });
    await first.through(299);
    const watcher = watch();
    await watcher.open({ after: -1 });
    await watcher.through(299);
    const sizes = watcher.frames.map((frame) => Buffer.byteLength(JSON.stringify(frame)));
    expect(sizes.length).toBeGreaterThan(10);
    expect(Math.max(...sizes)).toBeLessThan(running.limits.replayBytesMax + 1_000);
    expect(Math.max(...sizes)).toBeGreaterThan(running.limits.replayBytesMax / 2);
  });

  it('is closed with a code when the service stops', async () => {
    const own = await startGateway();
    await streamMessage(own.log, sessionId, { to: 3 });
    const watcher = new ReconnectingViewer(own.connect(), sessionId);
    await watcher.open();
    await watcher.through(2);
    const stopping = own.stopGateway();
    expect(await watcher.end()).toMatchObject({ code: 'shutting-down', retry: true, revision: 2 });
    await stopping;
    await own.stop();
  });
});
