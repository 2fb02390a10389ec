/** When clients of a node that stops come back, as `limits.ts` has it. */
export interface ReconnectLimits {
  /** By how much each client more spreads them further apart, in milliseconds. */
  readonly reconnectMsEach: number;
  /** How far apart the first and the last come back at most, in milliseconds. */
  readonly reconnectMsMax: number;
}

/**
 * After which time one of so many clients is to come back, in milliseconds. `chance` is from 0 to
 * 1. The other nodes must open everything for each client, so clients do not come all at once.
 */
export const reconnectDelayMs = (
  clients: number,
  chance: number,
  { reconnectMsEach, reconnectMsMax }: ReconnectLimits,
): number => Math.round(chance * Math.min(reconnectMsMax, clients * reconnectMsEach));
