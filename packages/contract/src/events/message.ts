import * as z from 'zod';
import { id } from '../ids.ts';
import { attachments } from './attachment.ts';
import { count, extra, milliseconds, nanoDollars } from './common.ts';
import { tokenUsage } from './token-usage.ts';
import { versioned } from './versioned.ts';

/** Whose part a message has in the conversation, in the words of language models. */
export const messageRole = z.enum(['system', 'user', 'assistant']);
export type MessageRole = z.infer<typeof messageRole>;

/** What wrote a message. */
export const messageSource = z.enum(['user', 'agent', 'orchestrator', 'tool', 'system']);
export type MessageSource = z.infer<typeof messageSource>;

/** Who speaks, the same in all events of a message. */
const author = {
  messageId: id,
  role: messageRole,
  source: messageSource,
  participantId: id.optional(),
  agentType: z.string().optional(),
  agentName: z.string().optional(),
  model: z.string().optional(),
};

/** What a message cost, as far as its producer says; `tokens` is the producer's own sum. */
const cost = {
  tokens: count.optional(),
  usage: tokenUsage.optional(),
  costNano: nanoDollars.optional(),
  durationMs: milliseconds.optional(),
};

/** The producer's own numbering: the order messages are listed in. */
const sequencing = { sequence: count.optional(), turn: count.optional() };

export const messageEvents = {
  'message.posted': versioned(
    2,
    z.object({
      ...author,
      ...sequencing,
      ...cost,
      content: z.string(),
      attachments: attachments.optional(),
      extra,
    }),
  ),
  'message.started': versioned(1, z.object({ ...author, ...sequencing, extra })),
  /** Chunks `from` to `to` (inclusive, from 0) of a started message, their texts joined. */
  'message.chunked': versioned(
    1,
    z.object({ messageId: id, from: count, to: count, text: z.string() }),
  ),
  /**
   * Whole by itself: `content` is the truth; `chunksHash` lets a reader compare it with the chunks
   * it saw.
   */
  'message.completed': versioned(
    2,
    z.object({
      ...author,
      ...sequencing,
      ...cost,
      content: z.string(),
      attachments: attachments.optional(),
      chunksHash: z.string().optional(),
      extra,
    }),
  ),
  /** `content` is what had come of it. */
  'message.failed': versioned(
    1,
    z.object({ messageId: id, error: z.string(), content: z.string() }),
  ),
};
