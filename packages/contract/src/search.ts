import * as z from 'zod';
import { sessionStatuses } from './status.ts';

/** A piece of a text around what was searched for, as plain text. */
export const snippet = z.object({
  text: z.string(),
  /** Where in `text` the words are: start and length in UTF-16 units, in order. */
  highlights: z.array(z.tuple([z.number().int(), z.number().int()])),
});
export type Snippet = z.infer<typeof snippet>;

/** A session whose name and prompt hold the words, or a message or a tool call that does. */
export const searchResult = z.object({
  sessionId: z.string(),
  name: z.string().nullable(),
  status: z.enum(sessionStatuses),
  matched: z.enum(['name', 'prompt', 'message', 'tool']),
  /** When the session started, the message was written or the tool was called. */
  at: z.string(),
  messageId: z.string().optional(),
  agentName: z.string().nullable().optional(),
  /** Which call of which tool: of its name, input and output. */
  callId: z.string().optional(),
  tool: z.string().optional(),
  snippet,
});
export type SearchResult = z.infer<typeof searchResult>;

/** The newest results first; `truncated` when there are, or may be, more. */
export const searchAnswer = z.object({
  results: z.array(searchResult),
  truncated: z.boolean(),
});
export type SearchAnswer = z.infer<typeof searchAnswer>;
