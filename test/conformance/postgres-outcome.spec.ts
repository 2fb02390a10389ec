import { setTimeout as sleep } from 'node:timers/promises';
import { NO_STREAM, type LogError, type EventLog, type NewEvent } from '../../src/log/event-log.ts';
import { startCuttingProxy, type Cut, type CuttingProxy } from '../support/cutting-proxy.ts';
import { anEvent, codeOf, eventsOf, eventually, idsOf, someEvents } from '../support/log-events.ts';
import { postgresStore, type PostgresStore } from './postgres-store.ts';

describe('an append whose outcome is unknown', () => {
  let store: PostgresStore;
  let proxy: CuttingProxy;
  let log: EventLog;
  const stream = 'session-a';

  beforeEach(async () => {
    store = await postgresStore();
    proxy = await startCuttingProxy(store.url);
    log = await store.open({ connectionString: proxy.url, retryPauseMaxMs: 50 });
  });

  afterEach(async () => {
    await log.close();
    await proxy.close();
    await store.drop();
  });

  const cuts: Cut[] = ['before', 'sent', 'answered'];

  it.each(cuts)('has one effect and its own answer, cut when %s', async (cut) => {
    await log.append({ stream, expected: NO_STREAM, events: [anEvent()] });
    for (let nth = 0; nth < 5; nth += 1) {
      proxy.cutNext(cut);
      const events = someEvents(2);
      const answer = await log.append({ stream, expected: nth * 2, events });
      expect(answer).toMatchObject({ revision: nth * 2 + 2, repeated: false });
      expect(await log.head()).toBe(answer.position);
      expect(idsOf((await eventsOf(log, stream)).slice(-2))).toEqual(idsOf(events));
    }
    expect(proxy.cuts()).toBe(5);
    expect(await eventsOf(log, stream)).toHaveLength(11);
  });

  it('still conflicts when somebody else was first', async () => {
    const other = await store.open();
    let wasFirst = false;
    // On a busy machine the retry may be quicker than the other node: then it is tried again.
    for (let round = 0; round < 50 && !wasFirst; round += 1) {
      const name = `${stream}-${round}`;
      await log.append({ stream: name, expected: NO_STREAM, events: [anEvent()] });
      proxy.cutNext('before');
      const appending = log.append({ stream: name, expected: 0, events: [anEvent()] }).then(
        () => 'stored',
        ({ code }: LogError) => code,
      );
      const theirs = anEvent();
      await other.append({ stream: name, expected: 0, events: [theirs] }).catch(() => undefined);
      const ours = await appending;
      const stored = await eventsOf(other, name);
      expect(stored).toHaveLength(2);
      wasFirst = stored[1]?.id === theirs.id;
      expect(ours === 'conflict').toBe(wasFirst);
    }
    expect(wasFirst).toBe(true);
    await other.close();
  });

  it('for any revision is reported to the caller and never stored twice', async () => {
    for (const cut of cuts) {
      await log.append({ stream: cut, expected: 'any', events: [anEvent()] });
      proxy.cutNext(cut);
      const appending = log.append({ stream: cut, expected: 'any', events: [anEvent()] });
      expect(await codeOf(appending)).toBe('unavailable');
    }
    await sleep(200);
    expect(await eventsOf(log, 'before')).toHaveLength(1);
    expect((await eventsOf(log, 'sent')).length).toBeLessThanOrEqual(2);
    expect(await eventsOf(log, 'answered')).toHaveLength(2);
  });

  it('among many has one effect each, and keeps the order of each stream', async () => {
    const perStream = 30;
    const streams = Array.from({ length: 40 }, (_, nth) => `session-${nth}`);
    const sent = new Map(streams.map((name) => [name, someEvents(perStream)]));
    let answered = 0;
    const append = async (name: string, event: NewEvent, nth: number): Promise<void> => {
      const answer = await log.append({ stream: name, expected: nth - 1, events: [event] });
      expect(answer.revision).toBe(nth);
      answered += 1;
      if (answered % 50 === 0) proxy.cutNext(cuts[(answered / 50) % 3] ?? 'sent');
    };
    await Promise.all(
      streams.flatMap((name) =>
        (sent.get(name) ?? []).map((event, nth) => append(name, event, nth)),
      ),
    );
    expect(proxy.cuts()).toBeGreaterThan(3);
    for (const name of streams) {
      expect(idsOf(await eventsOf(log, name))).toEqual(idsOf(sent.get(name) ?? []));
    }
    const all = await log.readAll({ after: '', limit: 10_000 });
    expect(all.map(({ position }) => Number(position))).toEqual(all.map((_, nth) => nth + 1));
    expect(all).toHaveLength(streams.length * perStream);
  });

  it('is given up after a deadline, and may be sent again once Postgres answers', async () => {
    const hasty = await store.open({ connectionString: proxy.url, appendDeadlineMs: 400 });
    await proxy.close();
    const append = { stream, expected: NO_STREAM, events: [anEvent()] };
    const start = performance.now();
    expect(await codeOf(hasty.append(append))).toBe('unavailable');
    expect(performance.now() - start).toBeLessThan(2_000);
    await hasty.close();
    const direct = await store.open();
    expect(await direct.append(append)).toMatchObject({ revision: 0, repeated: false });
    await direct.close();
  });

  it('is reported to the operator', async () => {
    proxy.cutNext('answered');
    await log.append({ stream, expected: NO_STREAM, events: [anEvent()] }).catch(() => undefined);
    await eventually('a warning', () => store.warnings.length > 0);
    expect(store.warnings[0]).toMatch(/append call failed and is tried again/);
  });
});
