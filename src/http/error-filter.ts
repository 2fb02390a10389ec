import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { LOGGER } from '../tokens.ts';
import { sendProblem } from './problem-response.ts';
import { problemOf } from './problem.ts';

/** Answers every failure in one language: problem+json (RFC 9457) with the contract's codes. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(failure: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const problem = problemOf(failure);
    if (problem.code === 'internal') {
      this.logger.error({ err: failure, url: request.url.split('?')[0] }, 'request failed');
    }
    sendProblem(request, reply, problem);
  }
}
