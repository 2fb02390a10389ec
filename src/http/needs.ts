import { SetMetadata } from '@nestjs/common';
import type { Scope } from '@playhead/contract';

/** Metadata key of what a route needs. */
export const NEEDS = Symbol('needs');

/** The scope a key must have for a route; `nothing` opens the route to everyone. */
export const Needs = (scope: Scope | 'nothing') => SetMetadata(NEEDS, scope);
