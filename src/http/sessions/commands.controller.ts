import { Body, Controller, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import {
  commandAnswer,
  commandTypes,
  extended,
  id,
  type CommandAnswer,
  type CommandType,
  type RequestedCommand,
} from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { CommandRequests } from '../../commands/command-requests.ts';
import { COMMAND_REQUESTS } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { principalOf } from '../request-hooks.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import { readBody } from '../json-body.ts';
import { RequiresScope } from '../requires-scope.ts';
import { Problem } from '../problem.ts';

const startBody = commandTypes['session.start'].extend({ sessionId: id.optional() });

/** Everything one can ask of a session; `Idempotency-Key` makes a retry harmless. */
@Controller('api/sessions')
@RequiresScope('write')
export class CommandsController {
  constructor(@Inject(COMMAND_REQUESTS) private readonly requests: CommandRequests) {}

  @Post()
  @Documented({
    summary: 'Starts a session',
    body: () => startBody,
    answer: commandAnswer,
    status: 201,
    isIdempotent: true,
  })
  start(@Body() body: unknown, @Req() request: FastifyRequest): Promise<CommandAnswer> {
    const { value, replaced } = readBody(startBody, body);
    const { sessionId, ...data } = value;
    const command: RequestedCommand = { type: 'session.start', data };
    return this.#request(request, { sessionId, command, replaced });
  }

  @Post(':id/commands/:type')
  @HttpCode(200)
  @Documented({
    summary: 'Asks for something of a session',
    types: commandTypes,
    answer: commandAnswer,
    isIdempotent: true,
    isConditional: true,
  })
  command(
    @Param('id') sessionId: string,
    @Param('type') type: string,
    @Headers('if-match') ifMatch: string | undefined,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
  ): Promise<CommandAnswer> {
    if (!isCommandType(type)) throw new Problem('not-found', `there is no command ${type}`);
    if (!id.safeParse(sessionId).success) throw new Problem('not-found');
    const { value, replaced } = readBody(commandTypes[type], body);
    // The schema was chosen by the type, which the compiler cannot follow.
    const command = { type, data: value } as RequestedCommand;
    const expected = revisionOf(ifMatch);
    return this.#request(request, { sessionId, command, expected, replaced });
  }

  #request(
    request: FastifyRequest,
    asked: Omit<Parameters<CommandRequests['request']>[0], 'actor' | 'key'>,
  ): Promise<CommandAnswer> {
    const key = idempotencyKeyOf(request);
    return this.requests.request(extended(asked, { actor: principalOf(request).id, key }));
  }
}

const isCommandType = (type: string): type is CommandType => Object.hasOwn(commandTypes, type);

/** `If-Match: "<revision>"`, with or without the quotes; `*` asks only that the session exists. */
function revisionOf(header: string | undefined): number | undefined {
  if (header === undefined || header === '*') return undefined;
  const [, revision] = /^"?(\d{1,15})"?$/.exec(header) ?? [];
  if (revision === undefined) {
    throw new Problem('invalid', 'If-Match: a revision in quotes', 'If-Match');
  }
  return Number(revision);
}
