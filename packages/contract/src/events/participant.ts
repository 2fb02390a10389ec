import * as z from 'zod';
import { id } from '../ids.ts';
import { count, extra } from './common.ts';
import { versioned } from './versioned.ts';

/** What kind of party takes part in a session. */
export const participantKind = z.enum(['user', 'agent', 'orchestrator', 'worker']);
export type ParticipantKind = z.infer<typeof participantKind>;

export const participantEvents = {
  'participant.joined': versioned(
    1,
    z.object({
      participantId: id,
      kind: participantKind,
      /** Known only from a message so far; a declared join replaces what this one says. */
      inferred: z.literal(true).optional(),
      /** Place in the list in which the participants were declared, from 0. */
      index: count.optional(),
      name: z.string().optional(),
      agentType: z.string().optional(),
      agentVersion: z.string().optional(),
      cliVersion: z.string().optional(),
      model: z.string().optional(),
      prompt: z.string().optional(),
      extra,
    }),
  ),
  'participant.left': versioned(1, z.object({ participantId: id, reason: z.string().optional() })),
};
