import {
  eventTypes,
  evolveTool,
  TOOL_OUTPUT_MAX,
  toolCallIdOf,
  type EventType,
  type SessionEvent,
  type ToolView,
} from '@playhead/contract';

let revision = 0;
const event = (type: EventType, data: object): SessionEvent => ({
  ...{ id: crypto.randomUUID(), sessionId: 's', revision: (revision += 1), position: '1' },
  ...{ type, v: eventTypes[type].v, data: { callId: 'c', ...data } },
  meta: { at: '2026-01-01T00:00:00.000Z', actor: 'key:test', commandId: crypto.randomUUID() },
});

const fold = (...events: SessionEvent[]): ToolView | undefined =>
  events.reduce<ToolView | undefined>(evolveTool, undefined);

const called = () => event('tool.called', { tool: 'search', input: [1, null] });

describe('a tool call', () => {
  it('is folded from call, output and end', () => {
    const call = called();
    const view = fold(
      call,
      event('tool.output', { text: 'a' }),
      event('tool.output', { text: 'b' }),
      event('tool.finished', { outcome: 'finished', exitCode: 0, durationMs: 3 }),
    );
    expect(view).toMatchObject({
      ...{ callId: 'c', state: 'finished', tool: 'search', input: [1, null], output: 'ab' },
      ...{ outputLength: 2, exitCode: 0, durationMs: 3, calledRevision: call.revision, revision },
      ...{ calledAt: '2026-01-01T00:00:00.000000000Z', error: null },
    });
  });

  it('ends as its last event says, whatever the exit code', () => {
    for (const outcome of ['finished', 'failed']) {
      const end = event('tool.finished', { outcome, exitCode: 1, error: 'no' });
      expect(fold(called(), end)).toMatchObject({ state: outcome, exitCode: 1, error: 'no' });
    }
  });

  it('is not changed by what is said of it before its call, after its end, or twice', () => {
    expect(
      fold(event('tool.output', { text: 'a' }), event('tool.finished', { outcome: 'finished' })),
    ).toBeUndefined();
    const ended = fold(called(), event('tool.finished', { outcome: 'finished' }));
    expect(evolveTool(ended, event('tool.output', { text: 'late' }))).toBe(ended);
    expect(evolveTool(ended, event('tool.finished', { outcome: 'failed', exitCode: 9 }))).toBe(
      ended,
    );
    expect(evolveTool(ended, called())).toBe(ended);
    expect(toolCallIdOf(event('message.chunked', {}))).toBeUndefined();
  });

  it('keeps the end of a long output, and no half of a character', () => {
    const text = '🚀'.repeat(TOOL_OUTPUT_MAX / 2);
    const view = fold(
      called(),
      event('tool.output', { text }),
      event('tool.output', { text: 'x' }),
    );
    expect(view?.outputLength).toBe(TOOL_OUTPUT_MAX + 1);
    expect(view?.output).toHaveLength(TOOL_OUTPUT_MAX - 1);
    // Half a character cannot be encoded.
    expect(() => encodeURIComponent(view?.output ?? '')).not.toThrow();
    expect(view?.output.endsWith('🚀x')).toBe(true);
  });
});
