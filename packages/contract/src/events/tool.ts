import * as z from 'zod';
import { id } from '../ids.ts';
import { extra, milliseconds } from './common.ts';
import { versioned } from './versioned.ts';

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
  'tool.output': versioned(1, z.object({ callId: id, text: z.string() })),
  'tool.finished': versioned(
    1,
    z.object({
      callId: id,
      exitCode: z.number().int().optional(),
      error: z.string().optional(),
      durationMs: milliseconds.optional(),
      extra,
    }),
  ),
};
