import * as z from 'zod';
import { isInstant } from '../instants.ts';

/** What a producer sent and the contract does not model, kept as it came. */
export const extra = z.record(z.string(), z.unknown()).optional();

/** A count that a producer reports. */
export const count = z.number().int().nonnegative().max(1e12);

/** Money in integer nano-dollars: sums are the same in any order. */
export const nanoDollars = z.number().int().nonnegative().max(1e15);

/** A duration in milliseconds. */
export const milliseconds = z.number().nonnegative().max(1e13);

/**
 * A time as producers send it: ISO 8601 with `Z` or an offset and any number of fraction digits
 * (the AgentPipe CLI sends nanoseconds).
 */
export const instant = z.iso
  .datetime({ offset: true })
  .refine(isInstant, 'must lie between the years 0000 and 9999');
