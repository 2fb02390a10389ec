import {
  SetMetadata,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
} from '@nestjs/common';
import type { Scope } from '@playhead/contract';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { may } from '../access/principal.ts';
import { principalOf } from './request-hooks.ts';
import { Problem } from './problem.ts';

/** Metadata key of the scope that a route requires. */
export const REQUIRED_SCOPE = Symbol('needs');

/** The scope that a route requires, `any key`, or `nothing`: the route is open to everyone. */
export type RequiredScope = Scope | 'any key' | 'nothing';

/** Names the scope that a key must have for a route. */
export const RequiresScope = (need: RequiredScope) => SetMetadata(REQUIRED_SCOPE, need);

/**
 * Lets a request through when its key has the scope of the route. A route without one is closed.
 */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const needs = this.reflector.getAllAndOverride<RequiredScope | undefined>(REQUIRED_SCOPE, [
      context.getHandler(),
      context.getClass(),
    ]);
    if (needs === 'nothing') return true;
    const principal = principalOf(context.switchToHttp().getRequest<FastifyRequest>());
    if (needs === 'any key') return true;
    if (needs && may(principal, needs)) return true;
    throw new Problem('forbidden', needs && `the key needs the scope ${needs}`);
  }
}
