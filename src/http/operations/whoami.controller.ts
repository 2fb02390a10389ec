import { Controller, Get, Req } from '@nestjs/common';
import { whoami, type Whoami } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import { Documented } from '../documents/documented.ts';
import { principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';

/** Tells the holder of a key which principal they are. */
@Controller('api/whoami')
@RequiresScope('any key')
export class WhoamiController {
  @Get()
  @Documented({ summary: 'Who holds the key of this request, and what it may do', answer: whoami })
  whoami(@Req() request: FastifyRequest): Whoami {
    const { id, name, scopes } = principalOf(request);
    return { id, name, scopes: [...scopes] };
  }
}
