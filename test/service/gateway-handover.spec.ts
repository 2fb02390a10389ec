import { setTimeout as sleep } from 'node:timers/promises';
import { evolveOpenView, sessionStream, type OpenView } from '@playhead/contract';
import fc from 'fast-check';
import { asSessionEvent } from '../../src/live/frames.ts';
import { startGateway, type RunningGateway } from '../support/gateway.ts';
import { streamMessage } from '../support/streamed-message.ts';
import { ReconnectingViewer } from '../support/reconnecting-viewer.ts';

const PER_SECOND = 500;
const SECONDS = 4;
const JOINERS = 20;
const BEFORE = 3_000;
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

/** Who joins: after how many milliseconds, how far behind the head; `undefined` wants a view. */
const joiners = fc.array(
  fc.record({
    at: fc.nat(SECONDS * 1_000),
    behind: fc.option(fc.oneof(fc.nat(30), fc.nat(BEFORE), fc.constant(Infinity)), {
      nil: undefined,
    }),
  }),
  { minLength: JOINERS, maxLength: JOINERS },
);

describe('a session that is being written', () => {
  let running: RunningGateway;

  beforeAll(async () => {
    running = await startGateway();
  });
  afterAll(() => running.stop());

  /** Appends at the given rate: every few milliseconds what is due by then. */
  async function stream(sessionId: string, from: number, count: number): Promise<void> {
    const began = Date.now();
    for (let next = from; next < from + count;) {
      const due = from + Math.floor(((Date.now() - began) * PER_SECOND) / 1_000);
      const to = Math.min(due, from + count);
      if (to > next) await streamMessage(running.log, sessionId, { from: next, to, length: 300 });
      next = Math.max(next, to);
      await sleep(3);
    }
  }

  async function join(
    sessionId: string,
    { at, behind }: { at: number; behind: number | undefined },
  ): Promise<ReconnectingViewer> {
    await sleep(at);
    const watcher = new ReconnectingViewer(running.connect(), sessionId);
    const head = (await running.log.last(sessionStream(sessionId)))?.revision ?? -1;
    const after = behind === undefined ? {} : { after: Math.max(-1, head - behind) };
    expect(await watcher.open(after)).toMatchObject({ ok: true });
    return watcher;
  }

  it(`reaches ${JOINERS} who join at any moment without hole or double (seed ${seed})`, async () => {
    const sessionId = 'busy';
    await streamMessage(running.log, sessionId, { to: BEFORE, length: 300 });
    const [who] = fc.sample(joiners, { seed, numRuns: 1 });
    const writing = stream(sessionId, BEFORE, PER_SECOND * SECONDS);
    const watchers = await Promise.all(who!.map((joiner) => join(sessionId, joiner)));
    await writing;
    const head = BEFORE + PER_SECOND * SECONDS - 1;
    await Promise.all(watchers.map((watcher) => watcher.through(head)));
    const all = await running.log.read(sessionStream(sessionId), { after: -1, limit: 100_000 });
    const views = folds(all.map(asSessionEvent));
    for (const watcher of watchers) {
      expect(watcher.faults).toEqual([]);
      const { revision, view } = watcher.opened!;
      if (view) expect(view).toEqual(views[revision]);
      expect(watcher.events.map(({ id }) => id)).toEqual(
        all.slice(revision + 1).map(({ id }) => id),
      );
    }
    expect(running.faults).toEqual([]);
    expect(watchers.filter(({ opened }) => opened?.view).length).toBeGreaterThan(0);
  }, 240_000);

  it('comes in frames of several events when several happen in one tick', async () => {
    const sessionId = 'in bursts';
    await streamMessage(running.log, sessionId, { to: 1 });
    const [one, other] = [0, 1].map(() => new ReconnectingViewer(running.connect(), sessionId));
    await one?.open();
    await other?.open();
    await one?.through(0);
    await other?.through(0);
    await streamMessage(running.log, sessionId, { from: 1, to: 401 });
    await Promise.all([one?.through(400), other?.through(400)]);
    expect(one?.frames.length).toBeLessThan(20);
    expect(one?.frames).toEqual(other?.frames);
  });
});

/** The view after each event. */
function folds(events: Parameters<typeof evolveOpenView>[1][]): OpenView[] {
  let view: OpenView | undefined;
  return events.map((event) => (view = evolveOpenView(view, event)));
}
