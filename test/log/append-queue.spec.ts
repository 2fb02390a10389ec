import { AppendQueue, type Waiting } from '../../src/log/append-queue.ts';
import { LogError, type Appended } from '../../src/log/event-log.ts';

const limits = {
  batchEventsMax: 4,
  batchBytesMax: 100,
  appendQueueMax: 10,
  appendQueueBytesMax: 1_000,
};

interface Asked {
  readonly waiting: Waiting;
  readonly answers: (Appended | LogError)[];
}

/** An append named by its stream and number. */
const ask = (name: string, { events = 1, bytes = 1, deadline = 0 } = {}): Asked => {
  const answers: (Appended | LogError)[] = [];
  const event = { id: name, type: 't', v: 1, data: '', meta: '', bytes: 0 };
  const append = {
    stream: name.replace(/\d+$/, ''),
    expected: 'any' as const,
    events: Array.from({ length: events }, () => event),
    bytes,
  };
  const take = (answer: Appended | LogError): number => answers.push(answer);
  return { waiting: { append, deadline, resolve: take, reject: take }, answers };
};

const named = (batch: readonly Waiting[]): string[] =>
  batch.map(({ append }) => append.events[0]?.id ?? '');

describe('the queue of appends', () => {
  let queue: AppendQueue;

  beforeEach(() => {
    queue = new AppendQueue(limits);
  });

  const push = (...names: string[]): Asked[] =>
    names.map((name) => {
      const asked = ask(name);
      expect(queue.push(asked.waiting)).toBe(true);
      return asked;
    });

  const release = (batch: readonly Waiting[]): void => {
    for (const waiting of batch) queue.release(waiting);
  };

  it('takes one append of each stream in turn', () => {
    push('a1', 'a2', 'a3', 'b1', 'c1', 'd1', 'e1');
    const first = queue.take();
    expect(named(first)).toEqual(['a1', 'b1', 'c1', 'd1']);
    expect(named(queue.take())).toEqual(['e1']);
    expect(queue.take()).toEqual([]);
    release(first);
    push('f1');
    expect(named(queue.take())).toEqual(['a2', 'f1']);
  });

  it('has no two appends of a stream under way', () => {
    push('a1', 'a2');
    const first = queue.take();
    expect(queue.take()).toEqual([]);
    push('a3');
    expect(queue.take()).toEqual([]);
    release(first);
    expect(named(queue.take())).toEqual(['a2']);
  });

  it('puts no more events or bytes in a batch than it may, but for one append alone', () => {
    queue.push(ask('a1', { events: 3 }).waiting);
    queue.push(ask('b1', { events: 9 }).waiting);
    queue.push(ask('c1', { bytes: 60 }).waiting);
    queue.push(ask('d1', { bytes: 60 }).waiting);
    expect([queue.take(), queue.take(), queue.take(), queue.take()].map(named)).toEqual([
      ['a1'],
      ['b1'],
      ['c1'],
      ['d1'],
    ]);
  });

  it('takes in no more than may wait, answered ones not counted', () => {
    const asked = push('a1', 'b1', 'c1', 'd1', 'e1', 'f1', 'g1', 'h1', 'i1', 'j1');
    expect(queue.push(ask('k1').waiting)).toBe(false);
    queue.take();
    expect(queue.push(ask('k1').waiting)).toBe(false);
    queue.answer(asked[0]!.waiting, { revision: 0, position: '1', repeated: false });
    expect(queue.push(ask('k1').waiting)).toBe(true);
  });

  it('takes in no more bytes than may wait', () => {
    const large = ask('a1', { bytes: 990 });
    queue.push(large.waiting);
    expect(queue.push(ask('b1', { bytes: 11 }).waiting)).toBe(false);
    expect(queue.push(ask('b1', { bytes: 10 }).waiting)).toBe(true);
    queue.answer(large.waiting, new LogError('unavailable', ''));
    expect(queue.push(ask('c1', { bytes: 990 }).waiting)).toBe(true);
  });

  it('answers each append once', () => {
    const [asked] = push('a1');
    const answer = { revision: 0, position: '1', repeated: false };
    queue.answer(asked!.waiting, answer);
    queue.answer(asked!.waiting, new LogError('unavailable', ''));
    expect(asked!.answers).toEqual([answer]);
  });

  it('does not send what was answered while it waited', () => {
    const [first, second] = push('a1', 'a2', 'b1');
    for (const asked of [first, second]) {
      queue.answer(asked!.waiting, new LogError('unavailable', ''));
    }
    expect(named(queue.take())).toEqual(['b1']);
    push('a3');
    expect(named(queue.take())).toEqual(['a3']);
  });

  it('knows whose deadline has passed', () => {
    const [early, late] = [ask('a1', { deadline: 10 }), ask('a2', { deadline: 20 })];
    queue.push(early.waiting);
    queue.push(late.waiting);
    expect(named(queue.expired(9))).toEqual([]);
    expect(named(queue.expired(10))).toEqual(['a1']);
    expect(named(queue.expired(20))).toEqual(['a1', 'a2']);
  });
});
