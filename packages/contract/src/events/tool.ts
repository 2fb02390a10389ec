import * as z from 'zod';
import { id } from '../ids.ts';
import { attachments } from './attachment.ts';
import { extra, milliseconds } from './common.ts';
import { versioned } from './versioned.ts';

/** How a tool call ended. */
export const toolOutcome = z.enum(['finished', 'failed']);
export type ToolOutcome = z.infer<typeof toolOutcome>;

export const toolEvents = {
  'tool.called': versioned(
    1,
    z.object({
      callId: id,
      tool: z.string(),
      input: z.unknown().optional(),
      messageId: id.optional(),
      participantId: id.optional(),
      extra,
    }),
  ),
  'tool.output': versioned(
    2,
    z.object({ callId: id, text: z.string(), attachments: attachments.optional() }),
  ),
  /**
   * The outcome is decided once, when the call ends. In version 1 every reader worked it out from
   * exit code and error, and would have read old calls in another way had that rule ever changed.
   */
  'tool.finished': versioned(
    2,
    z.object({
      callId: id,
      outcome: toolOutcome,
      exitCode: z.number().int().optional(),
      error: z.string().optional(),
      durationMs: milliseconds.optional(),
      extra,
    }),
  ),
};
