import type { EventLog, RecordedEvent } from '../../src/log/event-log.ts';
import type { Tail } from '../../src/log/tail.ts';
import { foldRows, posted, rowKey } from '../support/histories.ts';
import { readModelFixture, sessionEvents, storedRows, type Node } from '../support/read-models.ts';

const bed = readModelFixture();

type Lost = (event: RecordedEvent) => boolean;

/** What a follower that loses events hands over. */
const lossyTail = (tail: Tail, isLost: Lost): Tail => ({
  get through() {
    return tail.through;
  },
  get caughtUp() {
    return tail.caughtUp;
  },
  get lastReadAt() {
    return tail.lastReadAt;
  },
  after: (position) => tail.after(position)?.filter((event) => !isLost(event)),
  listen: (listener) => tail.listen(listener),
  stop: () => tail.stop(),
});

/** A log in which events are missing. */
const lossyLog = (whole: EventLog, isLost: Lost): EventLog => ({
  epoch: whole.epoch,
  append: (append) => whole.append(append),
  read: async (stream, options) =>
    (await whole.read(stream, options)).filter((event) => !isLost(event)),
  last: (stream) => whole.last(stream),
  readAll: async (options) => (await whole.readAll(options)).filter((event) => !isLost(event)),
  head: () => whole.head(),
  newest: () => whole.newest(),
  follow: (after, handle) =>
    whole.follow(after, (batch) =>
      handle({ ...batch, events: batch.events.filter((event) => !isLost(event)) }),
    ),
  close: () => whole.close(),
});

const parked = (node: Node): Promise<{ projection: string; error: string }[]> =>
  node.dataSource.query('select projection, error from parked order by projection');

describe('an event that is missing from its session', () => {
  it('is taken from the log when only the follower lost it, and that is reported', async () => {
    const isLost: Lost = ({ stream, revision }) =>
      stream === 'session-a' && [2, 4, 5].includes(revision);
    const node = await bed.start({ tail: (tail) => lossyTail(tail, isLost) });
    for (let nth = 0; nth < 8; nth += 1) {
      const end = await bed.append(posted('a', nth), posted('b', nth));
      expect(await node.projector.waitFor(end, 10_000)).toBe(true);
    }
    expect(await storedRows(node.dataSource)).toStrictEqual(foldRows(await sessionEvents(bed.log)));
    expect(await parked(node)).toEqual([]);
    const got = node.notices.filter(({ message }) => message.includes('skipped'));
    expect(got.map(({ about }) => about.found as number).sort()).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it.each([2, 1_000])(
    'sets the session aside when the log does not have it either (%i)',
    async (projectionBatchMax) => {
      const isLost: Lost = ({ stream, revision }) => stream === 'session-a' && revision === 1;
      const end = await bed.append(
        posted('a', 0),
        posted('a', 1),
        posted('b', 0),
        posted('a', 2),
        posted('b', 1),
      );
      const node = await bed.start({ limits: { projectionBatchMax } }, lossyLog(bed.log, isLost));
      expect(await node.projector.waitFor(end, 10_000)).toBe(true);
      const reason = 'revision 2 comes right after 0';
      expect((await parked(node)).map(({ projection, error }) => [projection, error])).toEqual([
        ['messages', reason],
        ['participants', reason],
        ['sessions', reason],
      ]);
      expect((await storedRows(node.dataSource)).sessions[rowKey('b')]?.revision).toBe(1);
    },
  );
});
