import {
  changesOf,
  compareSessions,
  consoleFrame,
  evolveConsole,
  evolveSession,
  matchesFilter,
  type ConsoleFilter,
  type ConsoleList,
  type ConsolePatch,
  type SessionView,
} from '@playhead/contract';

const view = (sessionId: string, changed: Partial<SessionView> = {}): SessionView => ({
  ...evolveSession(undefined, {
    id: '0c0b4c1e-3ab7-4f3b-8f53-6a8f2f1f5d01',
    sessionId,
    revision: 0,
    position: '1',
    type: 'session.started',
    v: 1,
    data: { source: 'web', name: 'Tea', prompt: 'Green or BLACK?', labels: { team: 'a' } },
    meta: { at: '2026-01-01T00:00:00.000Z', actor: 'key:a', commandId: 'c' },
  }),
  ...changed,
});

/** Frozen all through, so that a fold that writes to it throws. */
function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

const listOf = (...sessions: SessionView[]): ConsoleList =>
  frozen({ position: '1', epoch: 'e', sessions: sessions.sort(compareSessions) });

const after = (list: ConsoleList, ...patches: ConsolePatch[]): ConsoleList =>
  evolveConsole(list, frozen({ from: list.position, through: '2', patches }));

describe('the list of a console', () => {
  const [a, b] = [view('a'), view('b')];

  it('takes only what changed, keeps old lists as they were and shares the rest', () => {
    const list = listOf(a, b);
    const changes = { revision: 1, activity: 'working' } as const;
    const next = after(list, { type: 'session.updated', sessionId: 'a', revision: 1, changes });
    expect(next.sessions.find(({ sessionId }) => sessionId === 'a')).toEqual({ ...a, ...changes });
    expect(next.sessions.find(({ sessionId }) => sessionId === 'b')).toBe(b);
    expect(list.sessions).toEqual([b, a]);
    expect(next).toMatchObject({ position: '2', epoch: 'e' });
  });

  it('clears what a patch says is null, as after a retry', () => {
    const failed = view('a', { activity: 'error', activityMessage: 'no water', revision: 1 });
    const retried = { ...failed, activity: 'working' as const, activityMessage: null, revision: 2 };
    const changes = changesOf(failed, retried);
    expect(changes).toEqual({ activity: 'working', activityMessage: null, revision: 2 });
    const patch = { type: 'session.updated', sessionId: 'a', revision: 2, changes } as const;
    expect(after(listOf(failed), patch).sessions).toEqual([retried]);
  });

  it('ignores what is about a session that it does not hold, or holds as it is later', () => {
    const later = view('a', { revision: 5 });
    const list = listOf(later);
    const stale = after(
      list,
      { type: 'session.updated', sessionId: 'x', revision: 1, changes: { name: 'X' } },
      { type: 'session.left', sessionId: 'y', revision: 1 },
      { type: 'session.updated', sessionId: 'a', revision: 5, changes: { name: 'old' } },
      { type: 'session.entered', sessionId: 'a', revision: 4, session: a },
      { type: 'session.left', sessionId: 'a', revision: 5 },
    );
    expect(stale.sessions).toEqual([later]);
  });

  it('takes in who enters, lets go of who leaves, and stays in order', () => {
    const c = view('c', { lastActivityAt: '2026-01-02T00:00:00.000000000Z' });
    const moved = { revision: 1, lastActivityAt: '2026-01-03T00:00:00.000000000Z' };
    const next = after(
      listOf(a, b),
      { type: 'session.entered', sessionId: 'c', revision: 0, session: c },
      { type: 'session.left', sessionId: 'b', revision: 1 },
      { type: 'session.updated', sessionId: 'a', revision: 1, changes: moved },
    );
    expect(next.sessions.map(({ sessionId }) => sessionId)).toEqual(['a', 'c']);
    expect([...next.sessions].sort(compareSessions)).toEqual(next.sessions);
  });

  it('of 5,000 sessions takes a patch and shares every session that it is not about', () => {
    const before = listOf(...Array.from({ length: 5_000 }, (_, nth) => view(`s${nth}`)));
    const changes = { revision: 9, counted: { ...a.counted, messages: 9 } };
    const patch = { type: 'session.updated', sessionId: 's77', revision: 9, changes } as const;
    const list = after(before, patch);
    expect(list.sessions).toHaveLength(5_000);
    const held = new Set<unknown>(before.sessions);
    const changed = list.sessions.filter((session) => !held.has(session));
    expect(changed).toMatchObject([{ sessionId: 's77', revision: 9, counted: { messages: 9 } }]);
  });

  it('is narrowed by filters that must all hold', () => {
    const one = view('a', { activity: 'working' });
    const holding: ConsoleFilter[] = [
      {},
      { status: 'ACTIVE', source: 'web', state: 'working' },
      { label: { team: 'a' } },
      { search: 'black' },
      { search: 'TEA', label: {} },
    ];
    const failing: ConsoleFilter[] = [
      { status: 'ERROR' },
      { source: 'web', state: 'idle' },
      { label: { team: 'a', room: '1' } },
      { label: { constructor: 'a' } },
      { search: 'coffee' },
    ];
    expect(holding.filter((filter) => !matchesFilter(filter, one))).toEqual([]);
    expect(failing.filter((filter) => matchesFilter(filter, one))).toEqual([]);
  });

  it('is reported in frames that the schema takes', () => {
    const frame = {
      from: '1',
      through: '2',
      patches: [
        { type: 'session.entered', sessionId: 'a', revision: 0, session: a },
        { type: 'session.updated', sessionId: 'a', revision: 1, changes: { endedAs: null } },
        { type: 'session.left', sessionId: 'a', revision: 2 },
      ],
    };
    expect(consoleFrame.parse(frame)).toEqual(frame);
    expect(consoleFrame.safeParse({ ...frame, patches: [{ type: 'x' }] }).success).toBe(false);
  });
});
