import type { CommandAnswer, CommandType, EventType } from '@playhead/contract';
import fc from 'fast-check';

/** Asks for a command that is to lead to events of these types, and resolves when it has. */
export type Ask = (
  type: CommandType,
  data: object,
  ...effects: EventType[]
) => Promise<CommandAnswer>;

/** Commands that depend on one another. Whatever else is asked meanwhile, each can take effect. */
export type CommandScenario = (ask: Ask, nth: string) => Promise<unknown>;

const chunks = (nth: string): string[] => Array.from({ length: 6 }, (_, at) => `${nth}.${at} `);

/** Starts a message and sends its chunks in any order, each twice; some may be in its end. */
async function streamed(ask: Ask, nth: string): Promise<string> {
  const { messageId = '' } = await ask('message.start', { agentName: nth }, 'message.started');
  const appends = chunks(nth).flatMap((text, index) => [
    { messageId, index, text },
    { messageId, index, text },
  ]);
  const shuffled = appends
    .map((append) => ({ append, order: Math.random() }))
    .sort((a, b) => a.order - b.order);
  await Promise.all(shuffled.map(({ append }) => ask('message.append', append)));
  return messageId;
}

const stories: readonly CommandScenario[] = [
  (ask, nth) => ask('message.post', { content: `${nth} without an id` }, 'message.posted'),
  (ask, nth) =>
    ask('message.post', { messageId: nth, content: `${nth} with an id` }, 'message.posted'),
  async (ask, nth) => {
    const messageId = await streamed(ask, nth);
    await ask('message.complete', { messageId, tokens: 7 }, 'message.completed');
  },
  async (ask, nth) => {
    const messageId = await streamed(ask, nth);
    const content = chunks(nth).join('');
    await ask('message.complete', { messageId, content }, 'message.completed');
  },
  async (ask, nth) => {
    const messageId = await streamed(ask, nth);
    await ask('message.fail', { messageId, error: `${nth} failed` }, 'message.failed');
  },
  async (ask, nth) => {
    const { callId = '' } = await ask('tool.call', { tool: nth }, 'tool.called');
    await ask('tool.output', { callId, text: `${nth} out` }, 'tool.output');
    await ask('tool.output', { callId, text: `${nth} out` }, 'tool.output');
    await ask('tool.finish', { callId, exitCode: 0 }, 'tool.finished');
  },
  async (ask, nth) => {
    await ask('participant.join', { participantId: nth, name: nth }, 'participant.joined');
    await ask('participant.leave', { participantId: nth, reason: nth }, 'participant.left');
  },
  (ask, nth) => ask('session.rename', { name: `${nth} renamed` }, 'session.renamed'),
  (ask, nth) => ask('session.label', { labels: { [nth]: 'yes' } }, 'session.labelled'),
  (ask, nth) => ask('session.set-provider', { provider: nth }, 'session.provider-changed'),
  (ask, nth) => ask('session.raise-error', { message: nth }, 'session.error-raised'),
];

/** Only one of them at a time, since each depends on the session's state. */
const turns: CommandScenario = async (ask, nth) => {
  const set = (state: string, message: string) =>
    ask('session.set-state', { state, message }, 'session.state-changed');
  await set('working', `${nth} tries`);
  await set('error', `${nth} failed`);
  await set('working', `${nth} tries again`);
  const reason = `${nth} takes too long`;
  await ask('session.cancel', { reason }, 'session.cancel-requested', 'session.state-changed');
};

const end: CommandScenario = async (ask, nth) => {
  await ask('session.idle', { reason: nth }, 'session.idled');
  await ask('session.resume', {}, 'session.resumed');
  await ask('session.end', { as: 'completed', reason: nth }, 'session.ended');
};

/** A session from its second event to its last: all kinds of commands in any mixture. */
export const commandScenarios = (seed: number, count: number): CommandScenario[] =>
  fc
    .sample(
      fc.record({
        all: fc.shuffledSubarray([...stories], { minLength: stories.length }),
        more: fc.array(fc.constantFrom(...stories), { minLength: 8, maxLength: 12 }),
        turnsTaken: fc.integer({ min: 1, max: 2 }),
      }),
      { numRuns: count, seed },
    )
    .map(({ all, more, turnsTaken }): CommandScenario => async (ask, nth) => {
      const one = async (): Promise<void> => {
        for (let turn = 0; turn < turnsTaken; turn += 1) await turns(ask, `${nth} turn ${turn}`);
      };
      const got = [...all, ...more].map((story, at) => story(ask, `${nth}-${at}`));
      await Promise.all([one(), ...got]);
      await end(ask, nth);
    });
