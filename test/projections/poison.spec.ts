import type { SessionEvent } from '@playhead/contract';
import fc from 'fast-check';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { messages, type MessageRow } from '../../projections/messages.ts';
import { participants } from '../../projections/participants.ts';
import { sessions, type SessionRow } from '../../projections/sessions.ts';
import { freshDatabase } from '../support/database.ts';
import {
  appendAll,
  foldRows,
  histories,
  posted,
  rowKey,
  type Happening,
} from '../support/histories.ts';
import {
  readModelFixture,
  sessionEvents,
  startNode,
  storedRows,
  type Node,
} from '../support/read-models.ts';

const bed = readModelFixture();

const isPoison = (event: SessionEvent): boolean =>
  (event.data as { content?: unknown }).content === 'poison';

const throwing = (thrown: unknown): Projection<MessageRow> => ({
  ...messages,
  evolve: (row, event) => {
    if (isPoison(event)) throw thrown;
    return messages.evolve(row, event);
  },
});

interface ParkedRow {
  readonly projection: string;
  readonly session_id: string;
  readonly revision: number;
  readonly event_id: string;
  readonly error: string;
}

const parkedRows = (node: Node): Promise<ParkedRow[]> =>
  node.dataSource.query('select * from parked order by projection, session_id');

/** Events of 51 sessions, three each; session 25 has poison in the middle. */
const fiftyOne = (poison: Happening): Happening[] =>
  [1, 2, 3].flatMap((nth) =>
    Array.from({ length: 51 }, (_, n) =>
      n === 25 && nth === 2 ? { ...poison, sessionId: 's25' } : posted(`s${n}`, nth),
    ),
  );

describe('an event that evolve throws at', () => {
  it.each([1, 2, 7, 1_000])(
    'stops one session in one projection, however the batches fall (%i)',
    async (projectionBatchMax) => {
      const end = await appendAll(bed.log, fiftyOne(posted('', 2, 'poison')));
      const node = await bed.start({
        projections: [sessions, throwing(new Error('cannot')), participants],
        limits: { projectionBatchMax },
      });
      expect(await node.projector.waitFor(end, 20_000)).toBe(true);
      const all = await sessionEvents(bed.log);
      const taken = all.filter(({ sessionId, revision }) => sessionId !== 's25' || revision < 1);
      const stored = await storedRows(node.dataSource);
      expect(stored.sessions).toStrictEqual(foldRows(all).sessions);
      expect(stored.messages).toStrictEqual(foldRows(taken).messages);
      const poison = all.find(isPoison);
      expect(await parkedRows(node)).toMatchObject([
        {
          projection: 'messages',
          session_id: 's25',
          revision: 1,
          event_id: poison?.id,
          error: 'cannot',
        },
      ]);
      expect(node.projector.status().map(({ parked }) => parked)).toEqual([0, 1, 0]);
      expect(node.notices).toContainEqual({
        message: 'session parked',
        about: expect.objectContaining({ projection: 'messages', sessionId: 's25' }),
      });
    },
    60_000,
  );

  it('keeps its session parked, also after a restart, and lets new ones come', async () => {
    const projections = [throwing(new Error('cannot'))];
    const before = await bed.start({ projections });
    const first = await bed.append(posted('bad', 1), posted('bad', 2, 'poison'));
    await before.projector.waitFor(first, 10_000);
    await before.projector.waitFor(await bed.append(posted('bad', 3)), 10_000);
    await before.projector.stop();
    const after = await bed.start({ projections });
    const end = await bed.append(posted('bad', 4), posted('good', 1));
    expect(await after.projector.waitFor(end, 10_000)).toBe(true);
    expect(Object.keys((await storedRows(after.dataSource)).messages).sort()).toEqual([
      rowKey('bad', 'm1'),
      rowKey('good', 'm1'),
    ]);
    expect(after.projector.status()[0]?.parked).toBe(1);
    expect(await parkedRows(after)).toHaveLength(1);
  });

  it.each([
    ['an error whose text no table can hold', new Error('quotes \u0000 and \ud800'), /quotes/],
    ['something that is no error', 'just text', /just text/],
    ['nothing at all', undefined, /undefined/],
    ['an endless text', new Error('x'.repeat(1e6)), /^x{1000}$/],
  ])('may throw %s', async (_what, thrown, error) => {
    const node = await bed.start({ projections: [throwing(thrown)] });
    const end = await bed.append(posted('a', 1, 'poison'), posted('b', 1));
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    expect(await parkedRows(node)).toMatchObject([{ session_id: 'a', revision: 0 }]);
    expect((await parkedRows(node))[0]?.error).toMatch(error);
    expect(Object.keys((await storedRows(node.dataSource)).messages)).toEqual([rowKey('b', 'm1')]);
  });

  it('is found anywhere, in any history, and everything else is as the folds say', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories(60),
        fc.array(fc.nat(59), { maxLength: 3 }),
        fc.integer({ min: 1, max: 70 }),
        async (history, spots, projectionBatchMax) => {
          const own = await freshDatabase();
          const memory = openMemoryLog();
          const poisoned = new Set(spots.filter((spot) => spot < history.length));
          const end = await appendAll(memory, history);
          const all = await sessionEvents(memory);
          const poison = new Set(all.filter((_, nth) => poisoned.has(nth)).map(({ id }) => id));
          const allergic: Projection<SessionRow> = {
            ...sessions,
            keys: (event) => {
              if (poison.has(event.id)) throw new Error('cannot');
              return sessions.keys(event);
            },
          };
          const node = await startNode(own.url, memory, {
            projections: [allergic],
            limits: { projectionBatchMax },
          });
          try {
            expect(await node.projector.waitFor(end, 10_000)).toBe(true);
            const stopped = new Set<string>();
            const taken = all.filter(({ id, sessionId }) => {
              if (poison.has(id)) stopped.add(sessionId);
              return !stopped.has(sessionId);
            });
            expect((await storedRows(node.dataSource)).sessions).toStrictEqual(
              foldRows(taken).sessions,
            );
            expect(node.projector.status()[0]?.parked).toBe(stopped.size);
          } finally {
            await node.stop();
            await memory.close();
            await own.drop();
          }
        },
      ),
      { numRuns: 25 },
    );
  }, 240_000);
});

describe('an event that Postgres refuses', () => {
  const message = (data: object): Happening => ({
    sessionId: 's25',
    type: 'message.posted',
    data: { messageId: 'm2', role: 'user', source: 'user', content: 'text', ...data },
  });
  const random = (length: number): string =>
    Array.from({ length }, () => Math.random().toString(36)[2]).join('');

  it.each([
    ['a NUL in its text', message({ content: 'a\u0000b' })],
    ['a lone surrogate in its text', message({ content: 'a\ud800b' })],
    ['a NUL in its id', message({ messageId: 'a\u0000b' })],
    ['an id too long for any index', message({ messageId: random(20_000) })],
    ['a fraction where a count belongs', message({ sequence: 1.5 })],
    ['a number beyond all counts', message({ tokens: 1e300 })],
    ['null where text must be', message({ content: null })],
    ['an object as its role', message({ tokens: { a: 1 } })],
  ])('stops one session in one projection: %s', async (_what, poison) => {
    const end = await appendAll(bed.log, fiftyOne(poison));
    const node = await bed.start({ projections: [messages] });
    expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    const all = await sessionEvents(bed.log);
    const taken = all.filter(({ sessionId, revision }) => sessionId !== 's25' || revision < 1);
    expect((await storedRows(node.dataSource)).messages).toStrictEqual(foldRows(taken).messages);
    expect(await parkedRows(node)).toMatchObject([{ session_id: 's25', revision: 1 }]);
    expect(node.projector.status()[0]).toMatchObject({ parked: 1, error: null });
  });

  it('is one of many, and all sessions without one get through', async () => {
    const history = Array.from({ length: 200 }, (_, n) =>
      n % 4 === 3 ? { ...message({ content: '\u0000' }), sessionId: `s${n}` } : posted(`s${n}`, 1),
    );
    const end = await appendAll(bed.log, history);
    const node = await bed.start({ projections: [messages] });
    expect(await node.projector.waitFor(end, 20_000)).toBe(true);
    expect(Object.keys((await storedRows(node.dataSource)).messages)).toHaveLength(150);
    expect(await parkedRows(node)).toHaveLength(50);
  });
});

describe('a row that cannot be written', () => {
  it.each([
    ['no JSON', { extra: { big: 1n } }],
    ['the key of another row', { messageId: 'taken' }],
  ])('because it is %s, stops one session', async (_what, fields) => {
    const broken: Projection<MessageRow> = {
      ...messages,
      evolve: (row, event) => {
        const next = messages.evolve(row, event);
        return next && isPoison(event) ? { ...next, ...fields } : next;
      },
    };
    const node = await bed.start({ projections: [broken] });
    const taken = {
      ...posted('a', 1),
      data: { ...(posted('a', 1).data as object), messageId: 'taken' },
    };
    const end = await bed.append(taken, posted('a', 2, 'poison'), posted('b', 1));
    expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    const stored = Object.keys((await storedRows(node.dataSource)).messages);
    expect(stored).toContain(rowKey('a', 'taken'));
    expect(stored).toContain(rowKey('b', 'm1'));
  });
});
