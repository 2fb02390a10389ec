const timestamp = '2026-01-01T12:00:00.123456789Z';

const system_info = {
  agentpipe_version: 'v0.7.0',
  os: 'linux',
  go_version: 'go1.24.4',
  architecture: 'amd64',
};

/** One event of each type as the AgentPipe CLI sends it, every field set, of one conversation. */
export const cliEvents = (conversation_id: string) => [
  {
    type: 'conversation.started',
    timestamp,
    data: {
      conversation_id,
      mode: 'round-robin',
      initial_prompt: 'Say "why" & <how>',
      max_turns: 4,
      participants: [
        {
          agent_id: 'claude-0',
          agent_type: 'claude',
          agent_version: '1',
          cli_version: '2.0.14',
          model: 'claude-sonnet-4-5',
          name: 'Architect',
          prompt: 'You build.',
        },
        { agent_id: 'gemini-1', agent_type: 'gemini', model: 'gemini-2.5-pro', name: 'Reviewer' },
      ],
      system_info,
      command: { full_command: './agentpipe run', flags: ['-m', 'round-robin'] },
    },
  },
  {
    type: 'message.created',
    timestamp,
    data: {
      conversation_id,
      message_id: 'm1',
      agent_id: 'claude-0',
      agent_type: 'claude',
      agent_name: 'Architect',
      role: 'agent',
      content: 'Second line.\n✅',
      sequence_number: 1,
      turn_number: 1,
      tokens_used: 62,
      input_tokens: 35,
      output_tokens: 27,
      cost: 0.0005099999999999999,
      model: 'claude-sonnet-4-5',
      duration_ms: 4,
    },
  },
  {
    type: 'conversation.completed',
    timestamp,
    data: {
      conversation_id,
      status: 'completed',
      total_messages: 16,
      total_turns: 12,
      total_tokens: 2629,
      total_cost: 0.009415,
      duration_seconds: 12.109693538,
      summary: {
        short_text: 'Agreed.',
        text: 'They agreed.',
        agent_type: 'gemini',
        model: 'gemini',
        input_tokens: 312,
        output_tokens: 37,
        total_tokens: 349,
        cost: 0.00076,
        duration_ms: 2,
      },
    },
  },
  {
    type: 'conversation.error',
    timestamp,
    data: {
      conversation_id,
      error_message: 'timed out',
      error_type: 'timeout',
      agent_type: 'claude',
    },
  },
  { type: 'bridge.connected', timestamp, data: { system_info, connected_at: timestamp } },
  { type: 'bridge.test', timestamp, data: { message: 'hello', system_info } },
];
