import { servingLimits } from './limits/serving.ts';
import { storingLimits } from './limits/storing.ts';

/** Every limit of the service. Sizes in bytes, times in milliseconds unless the name says other. */
export const limits = { ...storingLimits, ...servingLimits } as const;
export type Limits = { readonly [Name in keyof typeof limits]: number };
