import { sessionPresence, sessionSignal } from '@playhead/contract';
import { z } from 'zod';

/**
 * What one node sends the others: a signal for the viewers of a session; the viewers that the node
 * itself has of a session, alone or as part of its whole state, which `begins` and `ends`; or a
 * request to one node for its whole state.
 */
export const nodeMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('signal'), signal: sessionSignal }),
  z.object({ type: z.literal('presence'), presence: sessionPresence }),
  z.object({ type: z.literal('state'), at: z.enum(['begins', 'ends']) }),
  z.object({ type: z.literal('ask'), node: z.string() }),
]);
export type NodeMessage = z.infer<typeof nodeMessage>;
