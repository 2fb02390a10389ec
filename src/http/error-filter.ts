import { Catch, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { LOGGER } from '../tokens.ts';
import { sendProblem } from './problem-response.ts';
import { problemOf, type Problem } from './problem.ts';

/** A failure as its refusal. The service's own is logged: the answer says nothing of it. */
export function loggedProblem(
  failure: unknown,
  { url }: Pick<FastifyRequest, 'url'>,
  logger: Logger,
): Problem {
  const problem = problemOf(failure);
  if (problem.code === 'internal') {
    logger.error({ err: failure, url: url.split('?')[0] }, 'request failed');
  }
  return problem;
}

/** Answers every failure in one language: problem+json (RFC 9457) with the contract's codes. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(@Inject(LOGGER) private readonly logger: Logger) {}

  catch(failure: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    sendProblem(request, reply, loggedProblem(failure, request, this.logger));
  }
}
