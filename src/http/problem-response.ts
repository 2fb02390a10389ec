import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorCodes } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { conversationFailure, isOfAgentPipePage } from './conversations/conversation-failure.ts';
import { ingestFailure, isOfAgentPipe, isUpload, uploadWords } from './ingest/ingest-failure.ts';
import type { Problem } from './problem.ts';

const PROBLEM_JSON = 'application/problem+json';

/** A refusal as problem+json (RFC 9457) with the contract's codes; AgentPipe's have other forms. */
const problemDocument = (problem: Problem) => ({
  type: `urn:playhead:error:${problem.code}`,
  title: errorCodes[problem.code].title,
  status: errorCodes[problem.code].status,
  detail: problem.message,
  code: problem.code,
  retry: problem.refusal.retry,
  ...(problem.refusal.field === undefined ? {} : { field: problem.refusal.field }),
  ...(problem.faults.length > 0 ? { errors: problem.faults } : {}),
});

/** How long a client may go on sending before it is answered. */
const SENDING_GRACE_MS = 1_000;

/**
 * Answers a request with a refusal. A body that is still arriving is read and dropped before, for a
 * while: its client reads no answer as long as it sends, and a reset would destroy it.
 */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  const { raw } = request;
  if (raw.complete || raw.destroyed) {
    answerProblem(request, reply, problem);
    return;
  }
  const answer = (): void => {
    clearTimeout(timer);
    raw.off('end', answer).off('close', answer);
    answerProblem(request, reply, problem);
  };
  const timer = setTimeout(answer, SENDING_GRACE_MS);
  raw.once('end', answer).once('close', answer);
  raw.removeAllListeners('readable').resume();
}

function answerProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): void {
  void reply.status(errorCodes[problem.code].status);
  if (problem.retryAfterS !== undefined) void reply.header('retry-after', problem.retryAfterS);
  if (problem.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
  if (isOfAgentPipe(request)) {
    const words = isUpload(request) ? uploadWords : undefined;
    const { headers, body } = ingestFailure(problem, words);
    void reply.headers(headers).type('application/json').send(body);
    return;
  }
  if (isOfAgentPipePage(request)) {
    void reply.type('application/json').send(conversationFailure(problem));
    return;
  }
  void reply.type(PROBLEM_JSON).send(problemDocument(problem));
}

/** How long a connection may take to read its last answer. */
const CLOSE_GRACE_MS = 1_000;

/** Sends a refusal on a raw connection, and ends it. */
export function sendProblemAndClose(connection: Duplex, problem: Problem): void {
  const { status } = errorCodes[problem.code];
  const body = JSON.stringify(problemDocument(problem));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `content-type: ${PROBLEM_JSON}; charset=utf-8`,
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  connection.on('error', () => undefined);
  connection.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  // A reset would destroy the answer for a client that still sends: its data is read and dropped.
  connection.resume();
  setTimeout(() => connection.destroy(), CLOSE_GRACE_MS).unref();
}
