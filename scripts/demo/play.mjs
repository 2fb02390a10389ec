// The demo's producer: says over HTTP, at natural speed, what the bundled conversation holds.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const script = JSON.parse(readFileSync(new URL('./conversation.json', import.meta.url), 'utf8'));

const started = (conversation_id) => ({
  type: 'conversation.started',
  data: {
    conversation_id,
    mode: 'round-robin',
    initial_prompt: script.prompt,
    max_turns: script.messages.length,
    participants: script.participants,
    system_info: { agentpipe_version: 'demo' },
  },
});

const message = (conversation_id, [, speaker, content], index) => {
  const { agent_id, agent_type, name, model } = script.participants[speaker];
  const output_tokens = Math.ceil(content.length / 4);
  return {
    type: 'message.created',
    data: {
      conversation_id,
      message_id: randomUUID(),
      agent_id,
      agent_type,
      agent_name: name,
      content,
      sequence_number: index + 1,
      ...(index > 0 ? { turn_number: index } : {}),
      tokens_used: output_tokens + 30,
      input_tokens: 30,
      output_tokens,
      cost: output_tokens * 1.5e-5,
      model,
      duration_ms: 100 + content.length,
    },
  };
};

const completed = (conversation_id) => ({
  type: 'conversation.completed',
  data: { conversation_id, status: 'completed', total_turns: script.messages.length },
});

/** What the agents will have said, in order. */
export const texts = script.messages.map(([, , content]) => content);

/** Plays the conversation; `say` takes one event. Speed 1 is natural, 10 is ten times as fast. */
export async function play(conversationId, speed, say) {
  const stamp = (event) => ({ ...event, timestamp: new Date().toISOString() });
  await say(stamp(started(conversationId)));
  for (const [index, line] of script.messages.entries()) {
    await sleep(line[0] / speed);
    await say(stamp(message(conversationId, line, index)));
  }
  await say(stamp(completed(conversationId)));
}
