import {
  asKnown,
  endKind,
  errorCodes,
  eventTypes,
  evolveOpenView,
  isRefusal,
  refusal,
  refuse,
  sessionStatuses,
  statusOf,
  type EventType,
  type OpenView,
  type SessionEvent,
} from '@playhead/contract';

const event = (type: string, v: number, data: unknown, revision = 0): SessionEvent => ({
  id: crypto.randomUUID(),
  sessionId: 's',
  revision,
  position: String(revision),
  type,
  v,
  data,
  meta: { at: '2026-01-01T00:00:00.000Z', actor: 'system', commandId: 'c' },
});

describe('the status table', () => {
  it('gives each way of ending its status, whatever errors there were', () => {
    const statuses = endKind.options.flatMap((endedAs) =>
      [null, '2026'].map((errorAt) => statusOf({ endedAs, errorAt })),
    );
    const each = ['COMPLETED', 'INTERRUPTED', 'ERROR', 'TERMINATED'];
    expect(statuses).toEqual(each.flatMap((one) => [one, one]));
  });

  it('shows an open session as active until an error is raised', () => {
    expect(statusOf({ endedAs: null, errorAt: null })).toBe('ACTIVE');
    expect(statusOf({ endedAs: null, errorAt: '2026' })).toBe('ERROR');
    expect(sessionStatuses).toContain('ACTIVE');
  });
});

describe('the error table', () => {
  it('gives every code a failing status, a title, and whether to retry', () => {
    for (const [code, { status, retry, title }] of Object.entries(errorCodes)) {
      expect([code, status >= 400 && status < 600]).toEqual([code, true]);
      expect(title).not.toBe('');
      expect(refuse(code as keyof typeof errorCodes)).toEqual({ code, message: title, retry });
    }
  });
});

describe('events', () => {
  it('are named in dotted lower case and have a version', () => {
    for (const [type, { v }] of Object.entries(eventTypes)) {
      expect(type).toMatch(/^[a-z]+\.[a-z]+(-[a-z]+)*$/);
      expect(v).toBeGreaterThanOrEqual(1);
    }
  });

  it('of unknown type or version pass through the view and move only its revision', () => {
    const started = evolveOpenView(undefined, event('session.started', 1, { source: 'api' }));
    for (const strange of [
      event('session.teleported', 1, { to: 'mars' }, 1),
      event('message.posted', 99, { anything: [] }, 1),
      event('toString', 1, null, 1),
    ]) {
      expect(asKnown(strange)).toBeUndefined();
      const after = evolveOpenView(started, strange);
      expect(after).toEqual({ ...started, session: { ...started.session, revision: 1 } });
    }
  });

  it('whose data is not what their type promises are opaque as well', () => {
    const started = evolveOpenView(undefined, event('session.started', 1, { source: 'api' }));
    for (const type of Object.keys(eventTypes)) {
      for (const data of [null, undefined, 7, 'x', [], { messageId: {}, content: 9 }]) {
        const sick = event(type, eventTypes[type as EventType].v, data, 1);
        for (const before of [undefined, started]) {
          expect(evolveOpenView(before, sick).session.revision).toBe(1);
        }
      }
    }
  });

  it('never change an old view, and share what they do not touch', () => {
    const freeze = (view: OpenView): OpenView => {
      Object.values(view).forEach(Object.freeze);
      Object.values(view.session).forEach(Object.freeze);
      return Object.freeze(view);
    };
    const posted = (nth: number): SessionEvent =>
      event(
        'message.posted',
        eventTypes['message.posted'].v,
        { messageId: `m${nth}`, role: 'user', source: 'user', content: 'x', sequence: nth },
        nth,
      );
    let view = freeze(evolveOpenView(undefined, event('session.started', 1, { source: 'api' })));
    for (let nth = 1; nth <= 60; nth += 1) {
      const next = freeze(evolveOpenView(view, posted(nth)));
      expect(next.participants).toBe(view.participants);
      expect(next.messages.at(-2)).toBe(view.messages.at(-1));
      view = next;
    }
    expect(view.messages.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 50 }, (_, at) => at + 11),
    );
    expect(view.session.counted.messages).toBe(60);
  });
});

describe('a refusal', () => {
  const one = { ...refuse('invalid', 'must be a number', 'after') };

  it.each<[string, unknown]>([
    ['with everything', one],
    ['without a field', refuse('rate-limited')],
    ['with more in it', { ...one, ok: false, revision: 3 }],
    ['with an unknown code', { ...one, code: 'teapot' }],
    ['with a code that every object has', { ...one, code: 'toString' }],
    ['without a message', { ...one, message: undefined }],
    ['with a number as its message', { ...one, message: 1 }],
    ['without `retry`', { code: one.code, message: one.message }],
    ['with a number as its field', { ...one, field: 1 }],
    ['that is null', null],
    ['that is a text', 'invalid'],
    ['that is missing', undefined],
  ])('%s is one with zod and without', (_, value) => {
    expect(isRefusal(value)).toBe(refusal.safeParse(value).success);
  });

  it('of each code in the table is one', () => {
    const codes = Object.keys(errorCodes) as (keyof typeof errorCodes)[];
    expect(codes.filter((code) => !isRefusal(refuse(code)))).toEqual([]);
    expect(isRefusal({ ...one, code: 'teapot' })).toBe(false);
  });
});
