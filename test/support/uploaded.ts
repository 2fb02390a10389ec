/** Facts of a session, to be uploaded in either shape. */
export interface UploadFacts {
  /** Undefined for none of its own. */
  readonly id?: string | undefined;
  readonly messages?: number;
  readonly text?: string;
  readonly status?: string;
  /** Ids of its messages; without them the service makes some. */
  readonly hasIds?: boolean;
}

export const STARTED = '2025-10-15T10:00:00Z';
export const COMPLETED = '2025-10-15T12:30:00.123456789+02:00';

/** When the nth message was sent. */
export const sentAt = (nth: number): string =>
  new Date(Date.parse(STARTED) + 1_000 * nth).toISOString().replace('Z', '456789Z');

/** The first says of itself all that an agent may say. */
const agents: readonly Readonly<Record<string, string>>[] = [
  {
    ...{ agent_id: 'claude-0', agent_type: 'claude', agent_name: 'PM', agent_version: '1.2.0' },
    ...{ model: 'claude-sonnet-4', prompt: 'You are a PM', cli_version: '2.0.14' },
  },
  { agent_id: 'claude-1', agent_type: 'claude', agent_name: 'Engineer' },
];

/** `{ conversation, agents, messages }`. */
export const conversationBody = (facts: UploadFacts = {}) => {
  const { id, messages = 3, text = 'Hello', status = 'COMPLETED', hasIds = false } = facts;
  return {
    conversation: {
      ...(id === undefined ? {} : { id }),
      ...{ name: 'Old run', mode: 'round-robin', initial_prompt: 'Design a log', max_turns: 10 },
      ...{ started_at: STARTED, completed_at: COMPLETED, status },
    },
    agents,
    messages: Array.from({ length: messages }, (_, nth) => ({
      ...(hasIds ? { message_id: `m${nth}` } : {}),
      ...{ agent_id: `claude-${nth % 2}`, agent_type: 'claude', role: 'agent' },
      ...{ agent_name: nth % 2 === 0 ? 'PM' : 'Engineer' },
      ...{ content: `${text} ${nth}`, timestamp: sentAt(nth), turn_number: nth },
      ...{ tokens_used: 150, input_tokens: 100, output_tokens: 50, cost: 0.0003 },
      ...{ model: 'claude-sonnet-4', duration_ms: 2_000 },
    })),
  };
};

/** The same facts as `{ session, participants, messages }`. */
export const sessionBody = (facts: UploadFacts = {}) => {
  const { conversation, agents, messages } = conversationBody(facts);
  return {
    session: {
      ...{ name: conversation.name, mode: conversation.mode, maxTurns: 10 },
      ...{ initialPrompt: conversation.initial_prompt, status: conversation.status },
      ...{ startedAt: STARTED, completedAt: COMPLETED },
      metadata: { importedFrom: 'a test', ...(facts.id && { originalId: facts.id }) },
    },
    participants: agents.map((agent) => ({
      ...{ agentId: agent.agent_id, agentType: agent.agent_type, agentName: agent.agent_name },
      ...{ agentVersion: agent.agent_version, cliVersion: agent.cli_version },
      ...{ model: agent.model, prompt: agent.prompt },
    })),
    messages: messages.map((message) => ({
      ...{ messageId: message.message_id, agentId: message.agent_id, role: message.role },
      ...{ agentType: message.agent_type, agentName: message.agent_name },
      ...{ content: message.content, timestamp: message.timestamp },
      turnNumber: message.turn_number,
      metrics: {
        ...{ duration: message.duration_ms, totalTokens: message.tokens_used },
        ...{ inputTokens: message.input_tokens, outputTokens: message.output_tokens },
        ...{ model: message.model, cost: message.cost },
      },
    })),
  };
};
