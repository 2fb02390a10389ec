import fc from 'fast-check';
import { TEXT_LENGTH_MAX } from '@playhead/contract';
import { DecidedSession } from '../support/decided-session.ts';

function open(): DecidedSession {
  const session = new DecidedSession();
  session.take({ type: 'session.start', data: {} }, 'start');
  session.take(
    { type: 'message.start', data: { messageId: 'm', role: 'assistant', source: 'agent' } },
    'open',
  );
  return session;
}

const append = (session: DecidedSession, ...chunks: { index: number; text: string }[]) =>
  session.take({ type: 'append-chunks', messageId: 'm', chunks }, crypto.randomUUID());
const message = (session: DecidedSession) =>
  session.view?.messages.find((one) => one.messageId === 'm');

describe('a streamed message', () => {
  it('reads the same whatever the order, gathering and repetition of its chunks', () => {
    const texts = fc.array(fc.string({ minLength: 1, maxLength: 5 }), {
      minLength: 1,
      maxLength: 20,
    });
    const orders = texts.chain((list) => {
      const chunks = list.map((text, index) => ({ index, text }));
      return fc.record({
        list: fc.constant(list),
        sent: fc.shuffledSubarray([...chunks, ...chunks], { minLength: 2 * chunks.length }),
        cuts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1 }),
      });
    });
    fc.assert(
      fc.property(orders, ({ list, sent, cuts }) => {
        const session = open();
        for (let at = 0, nth = 0; at < sent.length; nth += 1) {
          const size = cuts[nth % cuts.length] ?? 1;
          append(session, ...sent.slice(at, at + size));
          at += size;
        }
        expect(message(session)).toMatchObject({
          content: list.join(''),
          state: 'open',
          chunks: list.length,
          ahead: [],
        });
        const stored = session.events.filter(({ type }) => type === 'message.chunked');
        const held = stored.map(({ data }) => (data as { text: string }).text.length);
        expect(held.reduce((sum, length) => sum + length, 0)).toBe(list.join('').length);
      }),
      { numRuns: 500 },
    );
  });

  it('shows, when chunks are lost, what comes before the hole, and all of it once completed', () => {
    const session = open();
    append(session, { index: 0, text: 'a' }, { index: 2, text: 'c' });
    expect(message(session)?.content).toBe('a');
    session.take({ type: 'message.complete', data: { messageId: 'm', content: 'abc' } }, 'done');
    expect(message(session)).toMatchObject({ content: 'abc', state: 'complete', ahead: [] });
  });

  it('is right with a completion and no chunks, and with chunks and a completion without text', () => {
    const without = open();
    without.take({ type: 'message.complete', data: { messageId: 'm', content: 'whole' } }, 'done');
    expect(message(without)).toMatchObject({ content: 'whole', state: 'complete' });
    const chunked = open();
    append(chunked, { index: 1, text: 'b' }, { index: 0, text: 'a' });
    chunked.take({ type: 'message.complete', data: { messageId: 'm' } }, 'done');
    expect(message(chunked)).toMatchObject({ content: 'ab', state: 'complete' });
  });

  it('does not change after its end', () => {
    const session = open();
    append(session, { index: 0, text: 'a' });
    session.take({ type: 'message.complete', data: { messageId: 'm', content: 'final' } }, 'done');
    const { revision } = session.state;
    expect(append(session, { index: 1, text: 'late' })).toBeUndefined();
    session.take({ type: 'message.fail', data: { messageId: 'm', error: 'late' } }, 'late');
    session.take({ type: 'message.complete', data: { messageId: 'm', content: 'other' } }, 'again');
    expect(session.state.revision).toBe(revision);
    expect(message(session)).toMatchObject({ content: 'final', state: 'complete', error: null });
  });

  it('that fails keeps what there was of it and leaves the session usable', () => {
    const session = open();
    append(session, { index: 0, text: 'half' });
    session.take({ type: 'message.fail', data: { messageId: 'm', error: 'crashed' } }, 'fail');
    expect(message(session)).toMatchObject({ content: 'half', state: 'failed', error: 'crashed' });
    const post = { role: 'user', source: 'user', content: 'go on' } as const;
    expect(session.take({ type: 'message.post', data: post }, 'post')).toBeUndefined();
  });

  it('of which nobody knows is refused', () => {
    const session = open();
    const lost = {
      type: 'append-chunks',
      messageId: 'x',
      chunks: [{ index: 0, text: '' }],
    } as const;
    expect(session.take(lost, '1')?.refused).toBe('not-found');
    const done = { type: 'message.complete', data: { messageId: 'x', content: '' } } as const;
    expect(session.take(done, '2')?.refused).toBe('not-found');
  });

  it('has a longest length, also in pieces', () => {
    const session = open();
    expect(append(session, { index: 0, text: 'x'.repeat(TEXT_LENGTH_MAX) })).toBeUndefined();
    expect(append(session, { index: 1, text: 'y' })?.refused).toBe('too-large');
    expect(message(session)?.content).toHaveLength(TEXT_LENGTH_MAX);
  });
});
