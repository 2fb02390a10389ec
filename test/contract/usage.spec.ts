import {
  commandTypes,
  eventTypes,
  evolveMessage,
  evolveSession,
  type SessionEvent,
  type SessionView,
  type TokenUsage,
} from '@playhead/contract';
import fc from 'fast-check';
import { decide } from '../../src/domain/session.ts';
import { initialState } from '../../src/domain/session-state.ts';

const fields = ['input', 'output', 'cacheRead', 'cacheWrite', 'reasoning'] as const;
const count = fc.option(fc.integer({ min: 0, max: 1e12 }), { nil: undefined });
/** Any counts; without one the message says nothing of its usage. */
const usages = fc.record(Object.fromEntries(fields.map((field) => [field, count])));
const said = (usage: TokenUsage): TokenUsage | undefined => {
  const defined = Object.entries(usage).filter(([, tokens]) => tokens !== undefined);
  return defined.length > 0 ? Object.fromEntries(defined) : undefined;
};

const event = (type: 'message.posted' | 'message.completed', revision: number, usage?: object) => ({
  ...{ id: crypto.randomUUID(), sessionId: 's', revision, position: `${revision}` },
  ...{ type, v: eventTypes[type].v },
  data: {
    ...{ messageId: `m${revision}`, role: 'assistant', source: 'agent', content: 'x' },
    ...(usage && { usage }),
  },
  meta: { at: '2026-01-01T00:00:00.000Z', actor: 'key:t', commandId: `c${revision}` },
});

describe('the usage of messages', () => {
  it('is summed in any order, and stays unknown until somebody says it', () => {
    fc.assert(
      fc.property(fc.array(usages, { maxLength: 12 }), fc.nat(), (all, seed) => {
        const events = all.map((usage, nth): SessionEvent =>
          event(nth % 3 === 0 ? 'message.completed' : 'message.posted', nth, said(usage)),
        );
        const shuffled = events.toSorted(
          (a, b) => ((a.revision * 7 + seed) % 13) - ((b.revision * 7 + seed) % 13),
        );
        for (const order of [events, shuffled]) {
          const view = order.reduce<SessionView | undefined>(evolveSession, undefined);
          if (!view) continue;
          for (const field of fields) {
            const known = all.flatMap((usage) => usage[field] ?? []);
            const sum = known.reduce((total, tokens) => total + tokens, 0);
            expect([field, view.counted.usage[field]]).toEqual([field, known.length ? sum : null]);
          }
          expect(view.counted.inputTokens).toBe(view.counted.usage.input ?? 0);
          expect(view.counted.outputTokens).toBe(view.counted.usage.output ?? 0);
        }
      }),
    );
  });

  it('is in the view of each, with null for what was not said', () => {
    fc.assert(
      fc.property(usages, (usage) => {
        const view = evolveMessage(undefined, event('message.posted', 0, said(usage)));
        const expected = Object.fromEntries(fields.map((field) => [field, usage[field] ?? null]));
        expect(view?.usage).toEqual(expected);
        expect(view).toMatchObject({
          inputTokens: expected.input,
          outputTokens: expected.output,
          attachments: [],
        });
      }),
    );
  });
});

describe('a command', () => {
  const read = (data: object) =>
    commandTypes['message.post'].safeParse({ messageId: 'm', content: 'x', ...data });
  const posted = (data: object): object | undefined => {
    const parsed = read(data);
    if (!parsed.success) throw parsed.error;
    const state = { ...initialState(), lifecycle: 'active' as const };
    const decision = decide({ type: 'message.post', data: parsed.data }, state, 'c');
    return 'facts' in decision ? decision.facts[0]?.data : undefined;
  };

  it.each<[object, object | undefined]>([
    [{}, undefined],
    [{ inputTokens: 7 }, { input: 7 }],
    [
      { inputTokens: 0, outputTokens: 2 },
      { input: 0, output: 2 },
    ],
    [{ usage: { reasoning: 3 } }, { reasoning: 3 }],
    [
      { usage: { cacheRead: 3 }, outputTokens: 2 },
      { cacheRead: 3, output: 2 },
    ],
    [{ usage: { input: 7 }, inputTokens: 7 }, { input: 7 }],
  ])('with %j leads to the usage %j, and to no flat counts', (data, usage) => {
    const fact = posted(data) as Record<string, unknown>;
    expect(fact['usage']).toEqual(usage);
    expect(Object.keys(fact)).not.toEqual(expect.arrayContaining(['inputTokens']));
    expect(Object.keys(fact)).not.toEqual(expect.arrayContaining(['outputTokens']));
    expect(eventTypes['message.posted'].data.parse(fact)).toEqual(fact);
  });

  it.each<[string, object]>([
    ['inputTokens', { usage: { input: 7 }, inputTokens: 8 }],
    ['outputTokens', { usage: { output: 0 }, outputTokens: 8 }],
    ['usage', { usage: {} }],
    ['usage.cacheRead', { usage: { cacheRead: -1 } }],
    ['usage', { usage: { cached: 1 } }],
    ['attachments.0.hash', { attachments: [{ hash: 'A'.repeat(64), type: 'a/b', bytes: 1 }] }],
    ['attachments.0.type', { attachments: [{ hash: 'a'.repeat(64), type: 'image', bytes: 1 }] }],
    ['attachments', { attachments: Array(101).fill({}) }],
  ])('is refused at %s for %j', (field, data) => {
    const { error } = read(data);
    expect(error?.issues.map(({ path }) => path.join('.'))).toContain(field);
  });
});
