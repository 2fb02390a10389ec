import { sessionPresence, sessionSignal } from '@playhead/contract';
import { z } from 'zod';

/**
 * What one node tells the others: a signal for the viewers they have of its session; how many
 * viewers it has itself of a session, by itself or as part of its whole state, which `begins` and
 * `ends`; or that it asks a node for that.
 */
export const nodeMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('signal'), signal: sessionSignal }),
  z.object({ type: z.literal('presence'), presence: sessionPresence }),
  z.object({ type: z.literal('state'), at: z.enum(['begins', 'ends']) }),
  z.object({ type: z.literal('ask'), node: z.string() }),
]);
export type NodeMessage = z.infer<typeof nodeMessage>;
