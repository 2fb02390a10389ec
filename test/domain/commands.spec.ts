import fc from 'fast-check';
import { allowedIn, transitions } from '../../src/domain/state-rules.ts';
import type { AskedCommand } from '../../src/domain/session-commands.ts';
import type { Lifecycle } from '../../src/domain/session-state.ts';
import { DecidedSession } from '../support/decided-session.ts';

type Type = AskedCommand['type'];

/** A command of each type that fits a session in which everything it needs is there. */
const example: { readonly [T in Type]: Extract<AskedCommand, { type: T }> } = {
  'session.start': { type: 'session.start', data: { name: 'S' } },
  'session.rename': { type: 'session.rename', data: { name: 'T' } },
  'session.label': { type: 'session.label', data: { labels: { a: 'b', c: null } } },
  'session.set-state': { type: 'session.set-state', data: { state: 'working' } },
  'session.set-provider': { type: 'session.set-provider', data: { provider: 'p' } },
  'session.cancel': { type: 'session.cancel', data: {} },
  'session.raise-error': { type: 'session.raise-error', data: { message: 'boom' } },
  'session.idle': { type: 'session.idle', data: {} },
  'session.resume': { type: 'session.resume', data: {} },
  'session.end': { type: 'session.end', data: { as: 'completed' } },
  'participant.join': { type: 'participant.join', data: { participantId: 'q', kind: 'user' } },
  'participant.leave': { type: 'participant.leave', data: { participantId: 'p' } },
  'message.post': {
    type: 'message.post',
    data: { role: 'user', source: 'user', content: 'hello' },
  },
  'message.start': { type: 'message.start', data: { role: 'assistant', source: 'agent' } },
  'append-chunks': {
    type: 'append-chunks',
    messageId: 'open',
    chunks: [{ index: 0, text: 'x' }],
  },
  'message.complete': { type: 'message.complete', data: { messageId: 'open', content: 'whole' } },
  'message.fail': { type: 'message.fail', data: { messageId: 'open', error: 'gone' } },
  'tool.call': { type: 'tool.call', data: { tool: 'sh' } },
  'tool.output': { type: 'tool.output', data: { callId: 'call', text: 'out' } },
  'tool.finish': { type: 'tool.finish', data: { callId: 'call', exitCode: 0 } },
};

/** A session in some state, with a participant, an open message and a running tool call. */
function session(lifecycle: Lifecycle, working = false): DecidedSession {
  const made = new DecidedSession();
  if (lifecycle === 'none') return made;
  made.take(example['session.start'], 'start');
  made.take({ type: 'participant.join', data: { participantId: 'p', kind: 'agent' } }, 'join');
  made.take(
    { type: 'message.start', data: { messageId: 'open', role: 'assistant', source: 'agent' } },
    'open',
  );
  made.take({ type: 'tool.call', data: { callId: 'call', tool: 'sh' } }, 'call');
  if (working) made.take(example['session.set-state'], 'work');
  if (lifecycle === 'idle') made.take(example['session.idle'], 'idle');
  if (lifecycle === 'ended') made.take(example['session.end'], 'end');
  expect(made.state.lifecycle).toBe(lifecycle);
  return made;
}

const types = Object.keys(example) as Type[];
const lifecycles: Lifecycle[] = ['none', 'active', 'idle', 'ended'];

describe('every command in every state', () => {
  const cases = types.flatMap((type) => lifecycles.map((lifecycle) => [type, lifecycle] as const));

  it.each(cases)('%s in a session that is %s', (type, lifecycle) => {
    const made = session(lifecycle, true);
    // A session at work cannot be put to work.
    const command: AskedCommand =
      type === 'session.set-state'
        ? { type, data: { state: 'error', message: 'failed' } }
        : example[type];
    const before = made.events.length;
    const refused = made.take(command, 'asked');
    if (allowedIn[type].includes(lifecycle)) {
      expect(refused).toBeUndefined();
      expect(made.events.length).toBeGreaterThan(before);
    } else {
      expect(refused?.refused).toBe(
        lifecycle === 'none' && type !== 'session.start' ? 'not-found' : 'refused',
      );
      expect(made.events).toHaveLength(before);
    }
  });

  it('is what the written table says: nothing new is begun in an ended session', () => {
    const inEnded = types.filter((type) => allowedIn[type].includes('ended'));
    expect(inEnded.sort()).toEqual([
      'append-chunks',
      'message.complete',
      'message.fail',
      'participant.leave',
      'session.label',
      'session.rename',
      'tool.finish',
      'tool.output',
    ]);
    expect(types.filter((type) => allowedIn[type].includes('none'))).toEqual(['session.start']);
  });

  it('keeps every promise of the model in random sequences', () => {
    const command = fc.constantFrom(...types).map((type) => example[type]);
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const made = session('none');
        let model: Lifecycle = 'none';
        for (const [nth, one] of commands.entries()) {
          const refused = made.take(one, `command ${nth}`);
          const mayBe = allowedIn[one.type].includes(model);
          if (!mayBe) expect(refused).toBeDefined();
          if (refused) continue;
          if (one.type === 'session.start' || one.type === 'session.resume') model = 'active';
          if (one.type === 'session.idle') model = 'idle';
          if (one.type === 'session.end') model = 'ended';
          expect(made.state.lifecycle).toBe(model);
        }
        const shown = made.view?.session;
        if (shown)
          expect([shown.endedAs !== null, shown.idle]).toEqual([
            model === 'ended',
            model === 'idle',
          ]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('what a session is doing', () => {
  const states = ['idle', 'working', 'error'] as const;

  it.each(states.flatMap((from) => states.map((to) => [from, to] as const)))(
    'turns from %s to %s as the table says',
    (from, to) => {
      const made = session('active', from !== 'idle');
      if (from === 'error') {
        made.take({ type: 'session.set-state', data: { state: 'error', message: 'm' } }, 'fail');
      }
      const refused = made.take({ type: 'session.set-state', data: { state: to } }, 'turn');
      if (from === to || transitions[from].includes(to)) expect(refused).toBeUndefined();
      else expect(refused?.refused).toBe('refused');
      if (!refused) expect(made.view?.session.activity ?? 'idle').toBe(to);
    },
  );

  it('loses its error message when it works again', () => {
    const made = session('active', true);
    made.take({ type: 'session.set-state', data: { state: 'error', message: 'boom' } }, 'e');
    expect(made.view?.session.activityMessage).toBe('boom');
    made.take({ type: 'session.set-state', data: { state: 'working' } }, 'w');
    expect(made.view?.session.activityMessage).toBeNull();
  });

  it('can be cancelled only at work, and is idle then', () => {
    expect(session('active').take(example['session.cancel'], 'c')?.refused).toBe('refused');
    const made = session('active', true);
    expect(made.take(example['session.cancel'], 'c')).toBeUndefined();
    expect(made.view?.session.activity).toBe('idle');
  });
});

describe('a tool call that ends', () => {
  it.each([
    ['failed', { exitCode: 1 }],
    ['failed', { error: 'no' }],
    ['failed', { exitCode: 0, error: 'no' }],
    ['finished', { exitCode: 0 }],
    ['finished', {}],
  ])('has %s with %j', (outcome, end) => {
    const made = session('active');
    made.take({ type: 'tool.finish', data: { callId: 'call', ...end } }, 'finish');
    const data = { callId: 'call', outcome, ...end };
    expect(made.events.at(-1)).toMatchObject({ type: 'tool.finished', v: 2, data });
  });
});
