import { eventTypes } from '@playhead/contract';
import type { StorableEvent } from '../../src/log/codec.ts';
import { EventVersions, type EventVersion } from '../../src/log/event-versions.ts';
import { upcasts } from '../../src/log/upcasts.ts';

const event = (type: string, v: number): StorableEvent => ({
  ...{ id: '', type, v, data: '{}', meta: '{}', bytes: 4 },
});

/** What a log notes, where it can be seen; the next additions fail as often as asked. */
function aStore(...held: EventVersion[]) {
  const asked: string[] = [];
  const store = { asked, failures: 0, read: async () => held, add };
  async function add({ type, v }: EventVersion): Promise<void> {
    asked.push(`${type} ${v}`);
    await Promise.resolve();
    if ((store.failures -= 1) >= 0) throw new Error('gone');
    held.push({ type, v });
  }
  return store;
}

describe('the versions in a log', () => {
  const warnings: unknown[] = [];
  const warn = (message: string, about: unknown): void => void warnings.push([message, about]);

  beforeEach(() => void warnings.splice(0));

  const today = eventTypes['tool.finished'].v;

  it('let a start pass while there is an upcast, and refuse it by name once that is gone', async () => {
    const store = aStore(
      { type: 'tool.finished', v: 1 },
      { type: 'session.started', v: 0 },
      { type: 'session.ended', v: 1 },
    );
    const lifted = { 'session.started': { 0: (data: unknown) => data } };
    await new EventVersions(store, warn, { ...upcasts, ...lifted }).check();
    const refused = new EventVersions(store, warn, {}).check();
    await expect(refused).rejects.toThrow(
      `no upcast lifts to those of this build: session.started 0 (today's is 1), ` +
        `tool.finished 1 (today's is ${today}); start a build`,
    );
    expect(warnings).toEqual([]);
  });

  it('are only warned of when newer or of unknown types, all at once', async () => {
    const store = aStore(
      { type: 'tool.finished', v: today + 1 },
      { type: 'from.tomorrow', v: 3 },
      { type: 'constructor', v: 1 },
    );
    await new EventVersions(store, warn).check();
    expect(warnings).toEqual([
      [expect.stringContaining('newer'), [`tool.finished ${today + 1} (today's is ${today})`]],
      [expect.stringContaining('unknown'), ['constructor 1', 'from.tomorrow 3']],
    ]);
  });

  it('are noted once each, before those who bring them go on', async () => {
    const store = aStore({ type: 'a.b', v: 1 });
    const versions = new EventVersions(store, warn);
    await versions.check();
    expect(versions.note([event('a.b', 1)])).toBeUndefined();
    await Promise.all([
      versions.note([event('a.b', 2), event('a.b', 2), event('a.c', 1)]),
      versions.note([event('a.b', 2)]),
    ]);
    expect(store.asked).toEqual(['a.b 2', 'a.c 1']);
    expect(versions.note([event('a.b', 2), event('a.c', 1)])).toBeUndefined();
  });

  it('are noted by the next one when it could not be done', async () => {
    const store = aStore();
    store.failures = 1;
    const versions = new EventVersions(store, warn);
    await expect(versions.note([event('a.b', 1)])).rejects.toThrow('gone');
    await versions.note([event('a.b', 1)]);
    expect(store.asked).toEqual(['a.b 1', 'a.b 1']);
    expect(versions.note([event('a.b', 1)])).toBeUndefined();
  });
});
