import {
  eventTypes,
  evolveSession,
  happenedAt,
  type SessionEvent,
  type SessionView,
} from '@playhead/contract';
import fc from 'fast-check';

const at = '2026-06-01T12:00:00.000Z';
const received = '2026-06-01T12:00:00.000000000Z';

it.each([
  ['says nothing', undefined, received],
  ['is right', '2026-06-01T11:59:59.123456789Z', '2026-06-01T11:59:59.123456789Z'],
  ['uploads an old session', '2001-02-03T04:05:06Z', '2001-02-03T04:05:06.000000000Z'],
  ['is a little ahead', '2026-06-01T12:04:59Z', '2026-06-01T12:04:59.000000000Z'],
  ['is far ahead', '2026-06-01T12:05:01Z', received],
  ['is in the year 9999', '9999-12-31T23:59:59Z', received],
  ['was never set', '1970-01-01T00:00:10Z', received],
  ['is in the year 1', '0001-01-01T00:00:00Z', received],
])('a producer whose clock %s is shown at the right time', (_what, occurredAt, expected) => {
  expect(happenedAt({ at, occurredAt })).toBe(expected);
});

const event = (revision: number, occurredAt: string): SessionEvent => ({
  id: crypto.randomUUID(),
  sessionId: 's',
  revision,
  position: String(revision),
  type: 'message.posted',
  v: eventTypes['message.posted'].v,
  data: { messageId: `m${revision}`, role: 'assistant', source: 'agent', content: 'x' },
  meta: { at, occurredAt, actor: 'key:t', commandId: `c${revision}` },
});

it('whatever clocks say, a session lies between the earliest time believed and its reception', () => {
  const years = fc.integer({ min: 1, max: 9999 }).map((year) => `${year}`.padStart(4, '0'));
  const times = fc.array(
    years.map((year) => `${year}-05-05T05:05:05Z`),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(times, (all) => {
      const fold = (order: readonly string[]): SessionView | undefined =>
        order.reduce<SessionView | undefined>(
          (view, time, nth) => evolveSession(view, event(nth, time)),
          undefined,
        );
      const view = fold(all);
      expect([view?.startedAt, view?.lastActivityAt].sort()).toEqual([
        view?.startedAt,
        view?.lastActivityAt,
      ]);
      expect((view?.startedAt ?? '') >= '2000-01-01').toBe(true);
      expect((view?.lastActivityAt ?? '~') <= received).toBe(true);
      const backwards = fold([...all].reverse());
      expect(backwards?.startedAt).toBe(view?.startedAt);
      expect(backwards?.lastActivityAt).toBe(view?.lastActivityAt);
    }),
  );
});
