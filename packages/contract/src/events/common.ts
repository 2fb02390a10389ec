import * as z from 'zod';

/** What a producer sent and the contract does not model, kept as it came. */
export const extra = z.record(z.string(), z.unknown()).optional();

/** A count that a producer reports. */
export const count = z.number().int().nonnegative().max(1e12);

/** Money in integer nano-dollars: sums are the same in any order. */
export const nanoDollars = z.number().int().nonnegative().max(1e15);

/** A duration in milliseconds. */
export const milliseconds = z.number().nonnegative().max(1e13);
