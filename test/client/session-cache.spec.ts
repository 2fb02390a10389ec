import { randomUUID } from 'node:crypto';
import {
  answeredSession,
  eventTypes,
  evolveSession,
  type EventType,
  type SessionView,
} from '@playhead/contract';
import type { ConsoleSnapshot } from '@playhead/client';
import { sessionCache } from '@playhead/client/react';
import { QueryClient, QueryObserver } from '@tanstack/react-query';
import { sessionShape } from '../../src/http/sessions/session-shapes.ts';

/** A list of sessions, by hand. */
const listOf = (...ids: string[]) => {
  const listeners = new Set<() => void>();
  let views: readonly SessionView[] = [];
  const list = {
    snapshot: {
      ...{ sessions: views, more: false, status: 'live', refusal: undefined, resets: 0 },
    } as ConsoleSnapshot,
    subscribe: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    listeners,
    /** One event more in a session; answers what it is then. */
    happen(sessionId: string, type: EventType, data: object): SessionView {
      const before = views.find((view) => view.sessionId === sessionId);
      const revision = (before?.revision ?? -1) + 1;
      const after = evolveSession(before, {
        ...{ id: randomUUID(), sessionId, revision, position: '1', type, data },
        v: eventTypes[type].v,
        meta: { at: `2026-01-01T00:00:0${revision}Z`, actor: 'a', commandId: 'c' },
      });
      views = [after, ...views.filter((view) => view !== before)];
      list.snapshot = { ...list.snapshot, sessions: views };
      for (const listener of listeners) listener();
      return after;
    },
    state: (sessionId: string, state: string, message?: string) =>
      list.happen(sessionId, 'session.state-changed', { state, ...(message && { message }) }),
  };
  for (const id of ids) list.happen(id, 'session.started', { source: 'web', name: 'Tea' });
  return list;
};

const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value);
    for (const inside of Object.values(value)) frozen(inside);
  }
  return value;
};

/** As the service answers. */
const answered = (list: ReturnType<typeof listOf>, sessionId: string) => {
  const view = list.snapshot.sessions?.find((one) => one.sessionId === sessionId);
  if (!view) throw new Error(sessionId);
  return frozen(JSON.parse(JSON.stringify(sessionShape(view, []))) as Record<string, unknown>);
};

const one = ['sessions', 'a'];
const page = ['sessions', { limit: 20 }];

describe('a cache of sessions', () => {
  const setUp = (...ids: string[]) => {
    const list = listOf(...(ids.length > 0 ? ids : ['a', 'b']));
    const client = new QueryClient();
    return { list, client, read: <T>(key: readonly unknown[]) => client.getQueryData(key) as T };
  };

  it('knows all names that the service has for what is in a session', () => {
    const { list } = setUp();
    list.happen('a', 'message.posted', {
      ...{ messageId: 'm', role: 'user', source: 'user', content: 'x', tokens: 3, costNano: 5e8 },
    });
    const view = list.happen('a', 'session.ended', {
      ...{ as: 'completed', summary: { text: 'All.', shortText: 'A', costNano: 7, tokens: 1 } },
    });
    expect(answeredSession(view)).toMatchObject({
      ...{ totalMessages: 1, totalTokens: 3, totalCost: 0.5, _count: { messages: 1 } },
      ...{ summaryText: 'All.', summaryShortText: 'A', summaryCost: 7e-9, summaryTotalTokens: 1 },
      ...{ id: 'a', completedAt: view.endedAt, updatedAt: view.lastActivityAt },
    });
  });

  it('goes from idle to working to idle, in every shape, without a request', async () => {
    const { list, client, read } = setUp();
    let requests = 0;
    const observer = new QueryObserver(client, {
      queryKey: page,
      queryFn: () => {
        requests += 1;
        const sessions = [answered(list, 'a'), answered(list, 'b')];
        return frozen({ sessions, pagination: { page: 1, total: 2 } });
      },
    });
    const shown: unknown[] = [];
    const stop = observer.subscribe(({ data }) => shown.push(data?.sessions[0]?.activity));
    await client.fetchQuery({ queryKey: one, queryFn: () => answered(list, 'a') });
    const pages = [{ sessions: [answered(list, 'b')] }, { sessions: [answered(list, 'a')] }];
    client.setQueryData(['sessions', 'infinite'], frozen({ pages, pageParams: [1, 2] }));
    client.setQueryData(
      ['sessions', 'by-project'],
      frozen([{ id: 'p', sessions: [answered(list, 'a')] }]),
    );
    sessionCache(client).follow(list);
    const fetchedAt = client.getQueryState(page)?.dataUpdatedAt;
    for (const state of ['idle', 'working', 'idle']) {
      list.state('a', state);
      const expected = { activity: state, revision: list.snapshot.sessions?.[0]?.revision };
      expect(read(one)).toMatchObject(expected);
      expect(read(page)).toMatchObject({ sessions: [expected, { activity: null }] });
      expect(read(['sessions', 'infinite'])).toMatchObject({
        pages: [{}, { sessions: [expected] }],
      });
      expect(read(['sessions', 'by-project'])).toMatchObject([{ id: 'p', sessions: [expected] }]);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(requests).toBe(1);
    expect(shown.slice(-3)).toEqual(['idle', 'working', 'idle']);
    expect(client.getQueryState(page)?.dataUpdatedAt).toBe(fetchedAt);
    stop();
  });

  it('clears with an explicit null, and leaves what was not asked for absent', () => {
    const { list, client, read } = setUp();
    list.state('a', 'error', 'exit 1');
    const { sessionId, activity, activityMessage, revision } = answered(list, 'a');
    client.setQueryData(one, frozen({ sessionId, activity, activityMessage, revision }));
    sessionCache(client).follow(list);
    expect(read(one)).toMatchObject({ activity: 'error', activityMessage: 'exit 1' });
    list.state('a', 'working');
    expect(read(one)).toEqual({
      sessionId,
      activity: 'working',
      activityMessage: null,
      revision: 2,
    });
  });

  it('changes no old object, and shares what has not changed', () => {
    const { list, client, read } = setUp();
    const before = frozen({ sessions: [answered(list, 'a'), answered(list, 'b')], pagination: {} });
    client.setQueryData(page, before);
    sessionCache(client).follow(list);
    list.state('a', 'working');
    const after = read<typeof before>(page);
    expect(after.sessions[0]).not.toBe(before.sessions[0]);
    expect(after.sessions[0]?.labels).toBe(before.sessions[0]?.labels);
    expect([after.sessions[1], after.pagination]).toEqual([before.sessions[1], before.pagination]);
    expect(after.sessions[1]).toBe(before.sessions[1]);
    expect(before.sessions[0]?.activity).toBeNull();
  });

  it('takes no notice of sessions, queries and parts that are none of its own', () => {
    const { list, client, read } = setUp();
    const cached = frozen({
      ...{ pagination: null, odd: [null, 1, 'x', undefined] },
      sessions: [{ ...answered(list, 'b'), sessionId: 'nobody', id: 'nobody' }, null, 7, {}],
    });
    const message = frozen([{ sessionId: 'a', messageId: 'm', revision: 0, model: null }]);
    client.setQueryData(page, cached);
    client.setQueryData(['sessions', 'a', 'messages'], message);
    client.setQueryData(['users', 'a'], answered(list, 'a'));
    client.setQueryData(['sessions', 'text'], 'x');
    void client.prefetchQuery({
      queryKey: ['sessions', 'c'],
      queryFn: () => new Promise(() => {}),
    });
    sessionCache(client).follow(list);
    list.happen('a', 'session.provider-changed', { provider: 'p', model: 'm' });
    list.happen('new', 'session.started', { source: 'web' });
    expect(read(page)).toBe(cached);
    expect(read(['sessions', 'a', 'messages'])).toBe(message);
    expect(read(['users', 'a'])).toMatchObject({ model: null });
    expect(read(['sessions', 'c'])).toBeUndefined();
  });

  it('patches an answer that was on its way when the session changed, and none that is newer', async () => {
    const { list, client, read } = setUp();
    sessionCache(client).follow(list);
    const old = answered(list, 'a');
    let answer: (data: object) => void = () => undefined;
    const fetching = client.fetchQuery({
      queryKey: one,
      queryFn: () => new Promise<object>((resolve) => (answer = resolve)),
    });
    await Promise.resolve();
    list.state('a', 'working');
    answer(old);
    await fetching;
    expect(read(one)).toMatchObject({ activity: 'working', revision: 1 });
    client.setQueryData(one, frozen({ ...old, activity: 'error', revision: 9 }));
    list.state('a', 'idle');
    expect(read(one)).toMatchObject({ activity: 'error', revision: 9 });
  });

  it('leaves alone what is to be asked for again, until it is there', async () => {
    const { list, client, read } = setUp();
    const old = answered(list, 'a');
    client.setQueryData(one, old);
    sessionCache(client).follow(list);
    await client.invalidateQueries({ queryKey: one });
    list.state('a', 'working');
    expect(client.getQueryState(one)?.isInvalidated).toBe(true);
    await client.fetchQuery({ queryKey: one, queryFn: () => old });
    expect(read(one)).toMatchObject({ activity: 'working' });
  });

  it('goes by the roots it is given, and stops when it is asked to', () => {
    const { list, client, read } = setUp();
    const key = ['projects', 'with-sessions'];
    client.setQueryData(key, [{ id: 'p', sessions: [answered(list, 'a')] }]);
    list.state('a', 'working');
    const stop = sessionCache(client, { roots: ['projects'] }).follow(list);
    const patched = read(key);
    expect(patched).toMatchObject([{ sessions: [{ activity: 'working' }] }]);
    stop();
    expect(list.listeners.size).toBe(0);
    list.state('a', 'idle');
    expect(read(key)).toBe(patched);
    client.setQueryData(key, [{ sessions: [answered(setUp().list, 'a')] }]);
    expect(read(key)).toMatchObject([{ sessions: [{ activity: null }] }]);
  });
});
