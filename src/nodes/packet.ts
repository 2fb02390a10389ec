import { z } from 'zod';
import { nodeMessage, type NodeMessage } from './messages.ts';

const packet = z.object({
  from: z.uuid(),
  nth: z.number().int().positive(),
  messages: z.array(z.unknown()),
  bye: z.literal(true).optional(),
});

/** What travels at once: messages of a node, and the number of the packet. */
export interface Packet {
  readonly from: string;
  /** 1, 2, 3, … */
  readonly nth: number;
  readonly messages: readonly NodeMessage[];
  /** The node's last packet. */
  readonly bye?: true | undefined;
}

/**
 * Reads what came over the channel, to which anybody can write who may use the database. Undefined
 * when it is no packet; messages that this build does not know are left out.
 */
export function readPacket(payload: string): Packet | undefined {
  const read = packet.safeParse(parsed(payload));
  if (!read.success) return undefined;
  const messages = read.data.messages.flatMap((message) => {
    const known = nodeMessage.safeParse(message);
    return known.success ? [known.data] : [];
  });
  return { ...read.data, messages };
}

function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return undefined;
  }
}
