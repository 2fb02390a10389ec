import {
  Catch,
  HttpException,
  Inject,
  type ArgumentsHost,
  type ExceptionFilter,
} from '@nestjs/common';
import type { ErrorCode } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { CommandRefused } from '../handle-command.ts';
import { LogError } from '../log/event-log.ts';
import { LOGGER } from '../tokens.ts';
import { answerProblem } from './answer.ts';
import { Problem } from './problem.ts';

const codeOfStatus: Partial<Record<number, ErrorCode>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not-found',
  413: 'too-large',
  415: 'unsupported-media-type',
  429: 'rate-limited',
  503: 'unavailable',
};

/** Whatever was thrown, as the refusal that the client gets. */
export function problemOf(failure: unknown): Problem {
  if (failure instanceof Problem) return failure;
  if (failure instanceof CommandRefused) return new Problem(failure.code, failure.message);
  if (failure instanceof LogError) {
    return new Problem(failure.code, failure.message, failure.field);
  }
  const status = statusOf(failure);
  if (status === undefined || status >= 500) return new Problem('internal');
  return new Problem(codeOfStatus[status] ?? 'invalid', (failure as Error).message);
}

/** The status that Nest and Fastify put on what they throw themselves. */
function statusOf(failure: unknown): number | undefined {
  if (failure instanceof HttpException) return failure.getStatus();
  const { statusCode } = (failure ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

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
    answerProblem(request, reply, problem);
  }
}
