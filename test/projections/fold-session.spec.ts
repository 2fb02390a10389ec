import type { SessionEvent } from '@playhead/contract';
import fc from 'fast-check';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { foldSession, SessionFold } from '../../src/projecting/fold-session.ts';
import type { ProjectedRow, Projection } from '../../src/projecting/projection.ts';
import { messages, type MessageRow } from '../../projections/messages.ts';
import { sessions } from '../../projections/sessions.ts';
import { appendAll, foldRows, histories, posted, type Happening } from '../support/histories.ts';
import { sessionEvents } from '../support/read-models.ts';

const eventsOf = async (...happenings: Happening[]): Promise<SessionEvent[]> => {
  const log = openMemoryLog();
  await appendAll(log, happenings);
  return sessionEvents(log);
};

const contents = (rows: ReadonlyMap<string, ProjectedRow>) =>
  [...rows].map(([key, row]) => [key, (row as MessageRow).content]);

/** Touches two rows; the second cannot be made of poison. */
const twice: Projection<MessageRow> = {
  ...messages,
  keys: (event) => messages.keys(event).flatMap((key) => [key, 'second']),
  evolve(row, event) {
    const isSecond = twiceTouched.get(event.id) === true;
    twiceTouched.set(event.id, !isSecond);
    const { content } = event.data as { content: string };
    if (isSecond && content === 'poison') throw new Error('cannot');
    const next = messages.evolve(row, event);
    return next && isSecond ? { ...next, messageId: 'second' } : next;
  },
};
const twiceTouched = new Map<string, boolean>();

describe('the fold of one session', () => {
  it('gives the rows that the folds of the contract give, in pages of any size', async () => {
    await fc.assert(
      fc.asyncProperty(histories(60), fc.integer({ min: 1, max: 70 }), async (history, size) => {
        const own = history.map((one) => ({ ...one, sessionId: 's' }));
        const events = await eventsOf(...own);
        const expected = foldRows(events);
        for (const [projection, rows] of [
          [sessions, expected.sessions],
          [messages, expected.messages],
        ] as const) {
          const fold = new SessionFold(projection);
          for (let from = 0; from < events.length; from += size) {
            fold.take(events.slice(from, from + size));
          }
          expect([...fold.rows.values()].sort()).toStrictEqual(Object.values(rows).sort());
          expect([fold.poison, fold.revision]).toEqual([undefined, events.length - 1]);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('names the event that cannot be folded, and takes neither it nor what comes after', async () => {
    const events = await eventsOf(posted('s', 1), posted('s', 2, 'poison'), posted('s', 3));
    const throwing: Projection<MessageRow> = {
      ...messages,
      evolve(row, event) {
        if (event.id === events[1]?.id) throw new Error('cannot\u0000');
        return messages.evolve(row, event);
      },
    };
    const { rows, poison } = foldSession(throwing, events);
    expect(contents(rows)).toEqual([['m1', 'text']]);
    expect(poison).toEqual({
      ...{ sessionId: 's', revision: 1, eventId: events[1]?.id, error: 'cannot\uFFFD' },
    });
  });

  it('leaves out what is skipped, and ends at what was refused', async () => {
    const events = await eventsOf(...[1, 2, 3, 4].map((nth) => posted('s', nth)));
    const [, second, , fourth] = events;
    const refused = { eventId: fourth?.id ?? '', error: 'too long' };
    const skipped = new Set([second?.id ?? '']);
    const { rows, poison } = foldSession(messages, events, { skipped, refused });
    expect([...rows.keys()]).toEqual(['m1', 'm3']);
    expect(poison).toMatchObject({ revision: 3, error: 'too long' });
  });

  it('takes all of an event or nothing', async () => {
    const { rows, poison } = foldSession(
      twice,
      await eventsOf(posted('s', 1, 'fine'), posted('s', 2, 'poison')),
    );
    expect(contents(rows)).toEqual([
      ['m1', 'fine'],
      ['second', 'fine'],
    ]);
    expect(poison).toMatchObject({ revision: 1, error: 'cannot' });
  });

  it.each([
    ['a gap', [0, 2], 'revision 2 comes right after 0'],
    ['the same again', [0, 0], 'revision 0 comes right after 0'],
  ])('is stopped by %s', async (_what, order, error) => {
    const events = await eventsOf(...[1, 2, 3].map((nth) => posted('s', nth)));
    const { poison } = foldSession(
      messages,
      order.flatMap((nth) => events[nth] ?? []),
    );
    expect(poison?.error).toBe(error);
  });

  it('does not take a row of another key than it asked for', async () => {
    const events = await eventsOf(posted('s', 1));
    const other: Projection<MessageRow> = {
      ...messages,
      evolve: (row, event) => {
        const next = messages.evolve(row, event);
        return next && { ...next, messageId: 'other' };
      },
    };
    expect(foldSession(other, events).poison?.error).toBe('the row for m1 has another key');
  });
});
