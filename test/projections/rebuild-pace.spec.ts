import { paceOf } from '../../src/projecting/rebuild/jobs.ts';

type Rebuild = Parameters<typeof paceOf>[0];

const rebuild = (seconds: number): Rebuild =>
  ({
    phase: 'reading',
    startedAt: new Date(Date.now() - seconds * 1_000),
    eventsTotal: 100,
  }) as Rebuild;

describe('the pace of a rebuild', () => {
  it('is what was read by now', () => {
    expect(paceOf(rebuild(10), [{ events: 40 }, { events: 10 }])).toMatchObject({
      ...{ events: 50, eventsPerSecond: 5 },
      secondsLeft: expect.any(Number),
    });
  });

  it('says when it ends, however slow it is', () => {
    const { eventsPerSecond, secondsLeft } = paceOf(rebuild(1_000), [{ events: 1 }]);
    expect(eventsPerSecond).toBe(0);
    expect(secondsLeft).toBeGreaterThan(90_000);
    expect(secondsLeft).toBeLessThan(110_000);
  });
});
