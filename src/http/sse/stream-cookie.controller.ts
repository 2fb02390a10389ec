import { Controller, Delete, Header, HttpCode, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Documented } from '../documents/documented.ts';
import { bearerOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';
import { cookieOf } from './stream-cookie.ts';

/** Keeps a key in a browser for `EventSource`; docs/decisions/0004 says why and for what. */
@Controller('api/stream/cookie')
export class StreamCookieController {
  @Post()
  @HttpCode(204)
  @RequiresScope('read')
  @Header('cache-control', 'no-store')
  @Documented({ summary: 'Puts the key of this request into a cookie for streams', status: 204 })
  keep(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): void {
    const { headers } = request;
    void reply.header('set-cookie', cookieOf(bearerOf(headers) ?? '', headers));
  }

  @Delete()
  @HttpCode(204)
  @RequiresScope('any key')
  @Documented({ summary: 'Removes the cookie for streams', status: 204 })
  remove(
    @Req() { headers }: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): void {
    void reply.header('set-cookie', cookieOf('', headers));
  }
}
