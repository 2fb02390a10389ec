/** A message of a conversation, as the AgentPipe CLI posts it to `/api/ingest`. */
export const reportedMessage = (conversation: string, message: string): string =>
  JSON.stringify({
    type: 'message.created',
    timestamp: '2026-01-01T12:00:00.000Z',
    data: {
      conversation_id: conversation,
      message_id: message,
      agent_id: 'a',
      agent_type: 'claude',
      agent_name: 'Ada',
      content: 'Forty words or so, as people and agents say them. '.repeat(4),
      sequence_number: 1,
    },
  });
