import {
  compareText,
  type MessageView,
  type ParticipantView,
  type SessionView,
} from '@playhead/contract';
import {
  conversationFacts,
  conversationMessage,
  conversationParticipant,
} from './conversation-shapes.ts';

/** One conversation as AgentPipe's page reads it, in pieces: it may have any number of messages. */
export async function* conversationJson(
  session: SessionView,
  participants: readonly ParticipantView[],
  messages: AsyncIterable<readonly MessageView[]>,
): AsyncGenerator<string> {
  const listed = participants
    .map(conversationParticipant)
    .sort((a, b) => compareText(a.agentType, b.agentType));
  const facts = { ...conversationFacts(session), participants: listed };
  yield `${JSON.stringify(facts).slice(0, -1)},"messages":[`;
  let isEmpty = true;
  for await (const page of messages) {
    for (const message of page) {
      yield `${isEmpty ? '' : ','}${JSON.stringify(conversationMessage(message))}`;
      isEmpty = false;
    }
  }
  yield ']}';
}
