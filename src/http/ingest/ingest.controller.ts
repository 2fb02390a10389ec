import { Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Counter } from 'prom-client';
import { z } from 'zod';
import { INGEST, INGEST_LIMIT, INGEST_METRIC, CONFIG } from '../../tokens.ts';
import type { Config } from '../../config.ts';
import { Documented } from '../documents/documented.ts';
import { NDJSON, principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';
import { textOf } from '../json-body.ts';
import type { IngestLimit } from './ingest-rate-limit.ts';
import type { Ingest } from './ingest.ts';
import { cliEvent } from '../../importing/agentpipe/agentpipe-schema.ts';
import { takeLines } from './ndjson.ts';

/** Where the AgentPipe CLI, and whoever speaks like it, reports what happens. */
@Controller('api/ingest')
@RequiresScope('ingest')
export class IngestController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(INGEST) private readonly ingest: Ingest,
    @Inject(INGEST_LIMIT) private readonly limit: IngestLimit,
    @Inject(INGEST_METRIC) private readonly counter: Counter<'outcome'>,
  ) {}

  @Post()
  @Documented({
    summary: 'Takes an event of the AgentPipe CLI; as x-ndjson a file of them',
    body: ({ messageCharactersMax }) => cliEvent(messageCharactersMax),
    answer: z.record(z.string(), z.unknown()),
    status: 201,
    takesLines: true,
  })
  async take(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const text = textOf(body);
    const actor = principalOf(request).id;
    const admission = this.limit.forRequest();
    if (request.headers['content-type']?.startsWith(NDJSON)) {
      const answers = await takeLines(text, this.config.limits.ndjsonLinesMax, (line) =>
        this.ingest.take(line, actor, admission),
      );
      await reply.status(200).type(NDJSON).send(answers);
      return;
    }
    const answer = await this.ingest.take(text, actor, admission);
    this.counter.inc({ outcome: answer.keptFirst ? 'kept-first' : 'taken' });
    await reply.status(answer.status).send(answer.body);
  }
}
