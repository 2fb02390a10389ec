import fc from 'fast-check';

/** Ids that sort differently by UTF-16 unit and by code point, and ones that no URL likes. */
const ids = fc.constantFrom('a', 'b/2', 'ü 3', '🚀', '\uff61', 'Z');
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const count = fc.integer({ min: 0, max: 1e12 });
/** Few, so that things happen at the same time; not all in the same notation. */
const timestamp = fc.constantFrom(
  '2026-01-01T12:00:00Z',
  '2026-01-01T14:00:00.000+02:00',
  '2026-01-01T12:00:00.000000001Z',
  '2026-01-01T12:00:01.5Z',
  '2025-12-31T23:59:59.999999999Z',
);
const unknown = { mood: maybe(fc.jsonValue({ maxDepth: 2 })) };

const agent = fc.record({
  agent_id: maybe(ids),
  agent_type: fc.constantFrom('claude', 'gemini'),
  name: maybe(text),
  prompt: maybe(text),
  ...unknown,
});

const dataOf: Record<string, fc.Arbitrary<object>> = {
  'conversation.started': fc.record({
    mode: text,
    initial_prompt: text,
    max_turns: maybe(count),
    participants: fc.array(agent, { maxLength: 4 }),
    ...unknown,
  }),
  'message.created': fc.record({
    message_id: maybe(ids),
    agent_id: maybe(ids),
    agent_type: fc.constantFrom('claude', 'gemini'),
    agent_name: maybe(text),
    role: maybe(fc.constantFrom('user', 'agent', 'system')),
    content: text,
    sequence_number: maybe(fc.nat(3)),
    tokens_used: maybe(count),
    input_tokens: maybe(count),
    cost: maybe(fc.double({ min: 0, max: 1, noNaN: true })),
    duration_ms: maybe(fc.double({ min: 0, max: 1e9, noNaN: true })),
    ...unknown,
  }),
  'conversation.error': fc.record({ error_message: text, error_type: maybe(text) }),
  'conversation.completed': fc.record({
    status: fc.constantFrom('completed', 'interrupted', 'error'),
    total_messages: maybe(count),
    total_cost: maybe(fc.double({ min: 0, max: 1e6, noNaN: true })),
    duration_seconds: maybe(fc.double({ min: 0, max: 1e6, noNaN: true })),
    summary: maybe(fc.record({ text: maybe(text), cost: maybe(fc.double({ min: 0, max: 1 })) })),
  }),
};

/** What the AgentPipe CLI may report of a conversation, but for the conversation's id. */
export interface Report {
  readonly type: string;
  readonly timestamp: string;
  readonly data: object;
}

export const reports: fc.Arbitrary<Report> = fc
  .constantFrom(...Object.keys(dataOf), 'message.created', 'message.created')
  .chain((type) =>
    fc.record({ type: fc.constant(type), timestamp, data: dataOf[type] ?? fc.constant({}) }),
  );

/** The report's body for a conversation. */
export const bodyOf = (conversation_id: string, { data, ...rest }: Report): string =>
  JSON.stringify({ ...rest, data: { conversation_id, ...data } });
