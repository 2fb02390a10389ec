import {
  replayMoment,
  replaySpeedIn,
  type ReplayMoment,
  type ReplayPace,
} from '@playhead/contract';

const at = (seconds: number): string => new Date(1_700_000_000_000 + seconds * 1_000).toISOString();

/** The pauses of a replay of events that happened at these seconds. */
function pauses(pace: ReplayPace, seconds: readonly number[]): number[] {
  let moment: ReplayMoment | undefined;
  return seconds.map((second) => {
    // Accepted much later than it happened, as an import is.
    const meta = { at: at(900), occurredAt: at(second), actor: 'key:t', commandId: 'c' };
    moment = replayMoment(moment, { meta }, pace);
    return moment.pauseMs;
  });
}

describe('the pauses of a replay', () => {
  it('are those between the events, divided by the speed', () => {
    const happened = [5, 5, 7, 67];
    expect(pauses({ speed: 1, pauseMaxMs: 1e9 }, happened)).toEqual([0, 0, 2_000, 60_000]);
    expect(pauses({ speed: 10, pauseMaxMs: 1e9 }, happened)).toEqual([0, 0, 200, 6_000]);
    expect(pauses({ speed: 0.5, pauseMaxMs: 1e9 }, happened)).toEqual([0, 0, 4_000, 120_000]);
  });

  it('are shortened to the longest, as it is in the replay', () => {
    expect(pauses({ speed: 10, pauseMaxMs: 500 }, [0, 1, 100, 101])).toEqual([0, 100, 500, 100]);
    expect(pauses({ speed: 1, pauseMaxMs: 0 }, [0, 1, 100])).toEqual([0, 0, 0]);
  });

  it('are never negative, and no time is waited for twice', () => {
    expect(pauses({ speed: 1, pauseMaxMs: 1e9 }, [10, 4, 9, 12, 11])).toEqual([0, 0, 0, 2_000, 0]);
  });

  it('go by when an event was accepted where it does not say or cannot be believed', () => {
    const meta = (accepted: number, occurredAt?: string) => ({
      meta: { at: at(accepted), occurredAt, actor: 'key:t', commandId: 'c' },
    });
    const pace = { speed: 1, pauseMaxMs: 1e9 };
    const first = replayMoment(undefined, meta(1), pace);
    const second = replayMoment(first, meta(3, '1970-01-01T00:00:00Z'), pace);
    expect(second.pauseMs).toBe(2_000);
    expect(replayMoment(second, meta(4, '2999-01-01T00:00:00Z'), pace).pauseMs).toBe(1_000);
  });
});

it('a speed is a number within bounds, with an x or without', () => {
  const good = { '1': 1, '10x': 10, '0.5': 0.5, '0.01x': 0.01, '100000': 100_000 };
  for (const [text, speed] of Object.entries(good)) {
    expect([text, replaySpeedIn(text)]).toEqual([text, speed]);
  }
  const bad = [
    '0',
    '0.001',
    '100001',
    '-1',
    '',
    'x',
    '1e3',
    '10xx',
    ' 1',
    '1 x',
    'Infinity',
    'NaN',
  ];
  for (const text of [...bad, '٣']) expect([text, replaySpeedIn(text)]).toEqual([text, undefined]);
});
