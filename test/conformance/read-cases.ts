import { NO_STREAM, START } from '../../src/log/event-log.ts';
import { anEvent, eventOfBytes, idsOf, someEvents } from '../support/log-events.ts';
import type { LogUnderTest } from './log-under-test.ts';

export function readCases({ log }: LogUnderTest): void {
  const stream = 'session-a';

  it('as empty when it is', async () => {
    expect(await log().head()).toBe(START);
    expect(await log().newest()).toBeUndefined();
    expect(await log().readAll({ after: START, limit: 10 })).toEqual([]);
    expect(await log().read(stream, { after: -1, limit: 10 })).toEqual([]);
    expect(await log().last(stream)).toBeUndefined();
  });

  it('by stream, beyond a revision, at most so many', async () => {
    const events = someEvents(10);
    await log().append({ stream: 'other', expected: NO_STREAM, events: someEvents(3) });
    await log().append({ stream, expected: NO_STREAM, events });
    const read = async (after: number, limit: number): Promise<string[]> =>
      idsOf(await log().read(stream, { after, limit }));
    expect(await read(-1, 4)).toEqual(idsOf(events.slice(0, 4)));
    expect(await read(0, 4)).toEqual(idsOf(events.slice(1, 5)));
    expect(await read(7, 4)).toEqual(idsOf(events.slice(8)));
    expect(await read(9, 4)).toEqual([]);
    expect((await log().last(stream))?.id).toBe(events[9]?.id);
  });

  it('by stream, at most so many bytes but always one event', async () => {
    const events = Array.from({ length: 6 }, () => eventOfBytes(1_000));
    await log().append({ stream, expected: NO_STREAM, events });
    const count = async (bytesMax: number): Promise<number> =>
      (await log().read(stream, { after: -1, limit: 5, bytesMax })).length;
    expect(await count(1)).toBe(1);
    expect(await count(1_999)).toBe(1);
    expect(await count(2_000)).toBe(2);
    expect(await count(2_001)).toBe(2);
    expect(await count(1_000_000)).toBe(5);
  });

  it('as a whole in the order of positions, which compare as strings', async () => {
    for (let nth = 0; nth < 12; nth += 1) {
      await log().append({ stream: `s-${nth % 3}`, expected: 'any', events: someEvents(1) });
    }
    const all = await log().readAll({ after: START, limit: 100 });
    expect(all).toHaveLength(12);
    const positions = all.map(({ position }) => position);
    expect([...positions].sort()).toEqual(positions);
    expect(new Set(positions).size).toBe(12);
    expect(await log().head()).toBe(positions.at(-1));
    expect(await log().newest()).toEqual(all.at(-1));
    const page = await log().readAll({ after: positions[4] ?? '', limit: 3 });
    expect(idsOf(page)).toEqual(idsOf(all.slice(5, 8)));
  });

  it('as a whole in pages that bound memory, until there are no more', async () => {
    for (let nth = 0; nth < 8; nth += 1) {
      const events = [eventOfBytes(800 * 1024)];
      await log().append({ stream, expected: nth - 1, events });
    }
    const pages: number[] = [];
    for (let after = START; ;) {
      const page = await log().readAll({ after, limit: 100 });
      const last = page.at(-1);
      if (!last) break;
      pages.push(page.length);
      after = last.position;
    }
    expect(pages).toEqual([5, 3]);
  });

  it('not from what is no position', async () => {
    await expect(log().readAll({ after: "1' or true", limit: 1 })).rejects.toMatchObject({
      code: 'invalid',
      field: 'after',
    });
  });

  it('right after the answer to an append', async () => {
    for (let nth = 0; nth < 20; nth += 1) {
      const event = anEvent();
      const { position } = await log().append({ stream, expected: nth - 1, events: [event] });
      expect(await log().head()).toBe(position);
      expect((await log().last(stream))?.id).toBe(event.id);
    }
  });
}
