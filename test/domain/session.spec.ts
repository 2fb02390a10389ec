import fc from 'fast-check';
import { decide, evolve } from '../../src/domain/session.ts';
import { initialState, type SessionState } from '../../src/domain/session-state.ts';
import type { SessionCommand } from '../../src/domain/session-commands.ts';
import { eventTypes, evolveOpenView, type OpenView, type SessionEvent } from '@playhead/contract';

interface Reported {
  readonly id: string;
  readonly occurredAt: string;
  readonly command: SessionCommand;
}

const at = (second: number): string => `2026-01-01T00:00:${String(second).padStart(2, '0')}.5Z`;

const start: Reported = {
  id: 'start',
  occurredAt: at(1),
  command: {
    type: 'report-start',
    source: 'cli-stream',
    start: { mode: 'round-robin', prompt: 'Hello', maxTurns: 3 },
    participants: [
      { participantId: 'claude-0', kind: 'agent', agentType: 'claude', name: 'A', model: 'm1' },
      { participantId: 'claude-2', kind: 'agent', agentType: 'claude', name: 'B' },
    ],
  },
};

const message = (nth: number, agent: string): Reported => ({
  id: `message ${nth}`,
  occurredAt: at(10 + nth),
  command: {
    type: 'report-message',
    source: 'cli-stream',
    message: {
      messageId: `m${nth}`,
      role: 'assistant',
      source: 'agent',
      participantId: agent,
      content: `text ${nth}`,
      sequence: nth,
      tokens: nth * 3,
      costNano: nth * 1_000_001,
    },
    author: { participantId: agent, kind: 'agent', agentType: 'claude', name: 'from message' },
  },
});

const error = (nth: number): Reported => ({
  id: `error ${nth}`,
  occurredAt: at(20 + nth),
  command: { type: 'report-error', source: 'cli-stream', error: { message: `boom ${nth}` } },
});

const end = (nth: number, as: 'completed' | 'error'): Reported => ({
  id: `end ${nth}`,
  occurredAt: at(30 + nth),
  command: {
    type: 'report-end',
    source: 'cli-stream',
    end: { as, reported: { messages: 16 + nth }, summary: { text: `summary ${nth}` } },
  },
});

/** Decides commands one after another, as the write path does. */
function run(commands: readonly Reported[]): { state: SessionState; events: SessionEvent[] } {
  let state = initialState();
  const events: SessionEvent[] = [];
  for (const { id, occurredAt, command } of commands) {
    if (state.commands.has(id)) continue;
    const decided = decide(command, state, id);
    if ('refused' in decided) throw new Error(decided.message);
    for (const fact of decided.facts) {
      const event: SessionEvent = {
        id: crypto.randomUUID(),
        sessionId: 's',
        revision: state.revision + 1,
        position: String(events.length),
        type: fact.type,
        v: eventTypes[fact.type].v,
        data: fact.data,
        meta: { at: '2026-06-01T00:00:00.000Z', occurredAt, actor: 'key:t', commandId: id },
      };
      events.push(event);
      state = evolve(state, event);
    }
  }
  return { state, events };
}

const fold = (events: readonly SessionEvent[]): OpenView | undefined =>
  events.reduce<OpenView | undefined>(evolveOpenView, undefined);

/** What must not depend on the order of arrival; the timeline is that order. */
const essence = (view: OpenView | undefined): unknown =>
  JSON.parse(
    JSON.stringify(view, (key, value: unknown) =>
      ['revision', 'at', 'position', 'timeline'].includes(key) ? undefined : value,
    ),
  );

describe('a reported session', () => {
  const all = [
    start,
    message(1, 'claude-0'),
    message(2, 'claude-2'),
    message(3, 'stranger'),
    message(4, 'claude-0'),
    error(1),
    error(2),
    end(1, 'completed'),
    end(2, 'error'),
  ];

  it('is the same in whatever order its commands arrive, and however often each', () => {
    const expected = essence(fold(run(all).events));
    fc.assert(
      fc.property(
        fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }),
        (shuffled) => {
          expect(essence(fold(run(shuffled).events))).toEqual(expected);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('is inferred from a message that comes first, and declared by the start that follows', () => {
    const inferred = fold(run([message(1, 'claude-0')]).events);
    expect(inferred?.session).toMatchObject({
      declared: false,
      source: 'cli-stream',
      prompt: null,
    });
    expect(inferred?.participants).toMatchObject([{ participantId: 'claude-0', declared: false }]);
    const declared = fold(run([message(1, 'claude-0'), start]).events);
    expect(declared?.session).toMatchObject({
      declared: true,
      prompt: 'Hello',
      startedAt: '2026-01-01T00:00:01.500000000Z',
    });
    expect(declared?.participants.map(({ name }) => name)).toEqual(['A', 'B']);
  });

  it('keeps two agents of one type apart', () => {
    const view = fold(run(all).events);
    expect(view?.participants.map(({ participantId }) => participantId)).toEqual([
      'claude-0',
      'claude-2',
      'stranger',
    ]);
    expect(view?.messages.map((one) => one.participantId)).toEqual([
      'claude-0',
      'claude-2',
      'stranger',
      'claude-0',
    ]);
  });

  it('shows an error while it is open, and after its end how it ended with the error beside', () => {
    expect(fold(run([start, error(1), message(1, 'claude-0')]).events)?.session).toMatchObject({
      status: 'ERROR',
      errorMessage: 'boom 1',
    });
    expect(fold(run([start, error(1), end(1, 'completed')]).events)?.session).toMatchObject({
      status: 'COMPLETED',
      errorMessage: 'boom 1',
    });
  });

  it('is not reopened by a start that arrives after the end', () => {
    const { session } = fold(run([end(1, 'completed'), start]).events) ?? {};
    expect(session).toMatchObject({ status: 'COMPLETED', declared: true, mode: 'round-robin' });
  });

  it('shows reported and counted totals beside each other', () => {
    const { session } = fold(run(all).events) ?? {};
    expect(session?.counted).toMatchObject({ messages: 4, tokens: 30, costNano: 10_000_010 });
    expect(session?.reported).toEqual({ messages: 18 });
  });

  it('keeps the first of two messages with one id', () => {
    const { state } = run([message(1, 'claude-0')]);
    const other = message(1, 'claude-0');
    if (other.command.type !== 'report-message') throw new Error('not a message');
    const changed = { ...other.command.message, content: 'other' };
    expect(decide({ ...other.command, message: changed }, state, 'c')).toEqual({
      facts: [],
      keptFirst: true,
    });
    expect(decide(other.command, state, 'c')).toEqual({ facts: [] });
  });

  it('writes only data that the contract accepts', () => {
    for (const event of run(all).events) {
      const schema = eventTypes[event.type as keyof typeof eventTypes].data;
      expect(schema.parse(event.data)).toEqual(event.data);
    }
  });

  it('is out of reach when it was started by somebody else', () => {
    const state = { ...initialState(), source: 'web' as const, revision: 0 };
    expect(decide(end(1, 'completed').command, state, 'c')).toMatchObject({ refused: 'not-found' });
  });
});
