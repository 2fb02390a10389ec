import fc from 'fast-check';
import { NO_STREAM, type NewEvent } from '../../src/log/event-log.ts';
import { anEvent, collect, eventsOf, idsOf } from '../support/log-events.ts';
import type { LogUnderTest } from './log-under-test.ts';

/** One append of a run: to which stream, how it was made, of how many events. */
interface Step {
  readonly stream: string;
  readonly kind: 'next' | 'any' | 'stale' | 'ahead' | 'again';
  readonly size: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  stream: fc.constantFrom('a', 'b', 'c'),
  kind: fc.constantFrom('next', 'next', 'any', 'stale', 'ahead', 'again'),
  size: fc.integer({ min: 1, max: 4 }),
});

/** What a log must do, one step at a time. */
class Model {
  readonly streams = new Map<string, string[]>();
  readonly order: string[] = [];
  readonly #last = new Map<string, { expected: number; events: NewEvent[] }>();

  /** The append that a step means here, and whether it is stored, repeated or a conflict. */
  next({ stream, kind, size }: Step) {
    const ids = this.streams.get(stream) ?? [];
    const at = ids.length - 1;
    const last = this.#last.get(stream);
    if (kind === 'again' && last) {
      return {
        append: { stream, ...last },
        outcome: 'repeated',
        revision: last.expected + last.events.length,
      };
    }
    const events = Array.from({ length: size }, () => anEvent());
    if (kind === 'stale' || kind === 'ahead') {
      const expected = kind === 'ahead' ? at + 1 : at - 1;
      if (expected >= NO_STREAM) {
        return { append: { stream, expected, events }, outcome: 'conflict', revision: at };
      }
    }
    const expected = kind === 'any' ? ('any' as const) : at;
    this.streams.set(stream, [...ids, ...idsOf(events)]);
    this.order.push(...idsOf(events));
    if (expected !== 'any') this.#last.set(stream, { expected, events });
    return { append: { stream, expected, events }, outcome: 'stored', revision: at + size };
  }
}

export function modelCases({ log }: LogUnderTest): void {
  it('about random appends to a few streams', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const start = await log().head();
        const prefix = `run-${start || '0'}-`;
        const model = new Model();
        const follower = collect(log(), start);
        for (const one of steps) {
          const { append, outcome, revision } = model.next({ ...one, stream: prefix + one.stream });
          const answer = await log()
            .append(append)
            .catch((fault: { code: string }) => fault.code);
          if (outcome === 'conflict') expect(answer).toBe('conflict');
          else expect(answer).toMatchObject({ revision, repeated: outcome === 'repeated' });
        }
        await follower.holds(model.order.length);
        await follower.stop();
        expect(idsOf(follower.events)).toEqual(model.order);
        for (const [stream, ids] of model.streams) {
          expect(idsOf(await eventsOf(log(), stream))).toEqual(ids);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('about what was stored when all of it is asked at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 2, maxLength: 60 }), async (steps) => {
        const start = await log().head();
        const prefix = `run-${start || '0'}-`;
        const stored = new Map<string, string>();
        await Promise.all(
          steps.map(async ({ stream, kind, size }, nth) => {
            const events = Array.from({ length: size }, () => anEvent({ nth }));
            const expected = kind === 'any' ? ('any' as const) : size - 2;
            const append = { stream: prefix + stream, expected, events };
            const answer = await log()
              .append(append)
              .catch((fault: { code: string }) => fault.code);
            if (typeof answer === 'string') return expect(answer).toBe('conflict');
            for (const { id } of events) stored.set(id, append.stream);
          }),
        );
        const all = await log().readAll({ after: start, limit: 1_000 });
        expect(idsOf(all).sort()).toEqual([...stored.keys()].sort());
        const revisions = new Map<string, number>();
        for (const { id, stream, revision } of all) {
          expect(stored.get(id)).toBe(stream);
          expect(revision).toBe((revisions.get(stream) ?? -1) + 1);
          revisions.set(stream, revision);
        }
      }),
      { numRuns: 60 },
    );
  });
}
