/** When clients of a node that stops come back, as `config.ts` has it. */
export interface ReconnectLimits {
  /** By how much each client more spreads them further apart, in milliseconds. */
  readonly reconnectMsEach: number;
  /** How far apart the first and the last come back at most, in milliseconds. */
  readonly reconnectMsMax: number;
}

/**
 * After which time one of so many clients is to come back, in milliseconds. `chance` is from 0 to
 * 1: to the nodes that are there each is new and costs an opening, so they do not come together.
 */
export const reconnectDelayMs = (
  clients: number,
  chance: number,
  { reconnectMsEach, reconnectMsMax }: ReconnectLimits,
): number => Math.round(chance * Math.min(reconnectMsMax, clients * reconnectMsEach));
