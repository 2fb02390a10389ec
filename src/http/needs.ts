import { SetMetadata } from '@nestjs/common';
import type { Scope } from '@playhead/contract';

/** Metadata key of what a route needs. */
export const NEEDS = Symbol('needs');

/** The scope that a route needs, `any key`, or `nothing`: the route is open to everyone. */
export type Need = Scope | 'any key' | 'nothing';

/** What one must have for a route. */
export const Needs = (need: Need) => SetMetadata(NEEDS, need);
