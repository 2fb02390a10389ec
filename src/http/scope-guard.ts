import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { may } from '../access/principal.ts';
import { principalOf } from './edge.ts';
import { NEEDS, type Need } from './needs.ts';
import { Problem } from './problem.ts';

/** Lets a request through when its key has the scope that the route names; no name, no way in. */
@Injectable()
export class ScopeGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') return true;
    const needs = this.reflector.getAllAndOverride<Need | undefined>(NEEDS, [
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
