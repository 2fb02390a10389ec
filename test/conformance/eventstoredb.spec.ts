import { setTimeout as sleep } from 'node:timers/promises';
import { START } from '../../src/log/event-log.ts';
import { anEvent, codeOf, collect, eventsOf, idsOf } from '../support/logs.ts';
import { itIsAnEventLog } from './event-log.contract.ts';
import { serverStore, standInStore } from './eventstore-store.ts';

const abilities = { restart: true, twoNodes: true, cutConnections: true };

itIsAnEventLog('EventStoreDB (stand-in)', standInStore, abilities);

const url = process.env['EVENTSTORE_URL'];

itIsAnEventLog('EventStoreDB', () => serverStore(url ?? ''), abilities, url !== undefined);

(url ? describe : describe.skip)('an EventStoreDB that is not heard for a while', () => {
  it('keeps what was acknowledged, once, and writers are told in time', async () => {
    const store = await serverStore(url ?? '', {
      ...{ answerMs: 300, appendDeadlineMs: 700, retryPauseMaxMs: 50 },
      ...{ heartbeatEveryMs: 200, silenceMaxMs: 600 },
    });
    const log = await store.open();
    const follower = collect(log, START);
    const acknowledged: string[] = [];
    let isOn = true;
    let slowest = 0;
    const writing = (async () => {
      let event = anEvent();
      for (let expected = -1; isOn;) {
        const start = performance.now();
        const appending = log.append({ stream: 'a', expected, events: [event] });
        const code = await appending.then(
          () => 'stored',
          () => codeOf(appending),
        );
        slowest = Math.max(slowest, performance.now() - start);
        if (code !== 'stored') {
          expect(code).toBe('unavailable');
          continue;
        }
        acknowledged.push(event.id);
        expected += 1;
        event = anEvent();
      }
    })();
    for (let round = 0; round < 3; round += 1) {
      await sleep(300);
      store.cable.squeeze();
      await sleep(1_500);
      store.cable.release();
      await sleep(1_500);
    }
    isOn = false;
    await writing;
    expect(slowest).toBeLessThan(3_000);
    const stored = idsOf(await eventsOf(log, 'a'));
    expect(stored.slice(0, acknowledged.length)).toEqual(acknowledged);
    await follower.holds(acknowledged.length);
    expect(idsOf(follower.events)).toEqual(stored);
    await log.close();
    await store.drop();
  });
});
