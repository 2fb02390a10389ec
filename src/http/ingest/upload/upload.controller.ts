import { Body, Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Config } from '../../../config.ts';
import type { Projector } from '../../../projecting/projector.ts';
import { CONFIG, PROJECTOR, UPLOAD_LIMIT, UPLOADS } from '../../../tokens.ts';
import { Documented } from '../../documents/documented.ts';
import { textOf } from '../../json-body.ts';
import { Problem } from '../../problem.ts';
import { NDJSON, principalOf } from '../../request-hooks.ts';
import { RequiresScope } from '../../requires-scope.ts';
import type { IngestLimit } from '../ingest-rate-limit.ts';
import { uploadBody } from './read-upload.ts';
import type { Uploads } from './uploads.ts';

/** Where a session that took place without Playhead is brought in whole. */
@Controller('api/sessions/upload')
@RequiresScope('ingest')
export class UploadController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(UPLOADS) private readonly uploads: Uploads,
    @Inject(UPLOAD_LIMIT) private readonly limit: IngestLimit,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {}

  @Post()
  @Documented({
    summary: 'Takes a whole session, in either shape of AgentPipe, all of it or nothing',
    body: uploadBody,
    answer: z.record(z.string(), z.unknown()),
    status: 201,
  })
  async take(
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    if (request.headers['content-type']?.startsWith(NDJSON)) {
      throw new Problem('unsupported-media-type', 'files of events go to /api/ingest');
    }
    const actor = principalOf(request).id;
    const answer = await this.uploads.take(textOf(body), actor, this.limit.forRequest());
    // Those who upload look for the session next, and AgentPipe's programs know no minRevision. It
    // is stored whatever the read models do, so they are not waited for without end.
    if (answer.position !== undefined) {
      await this.projector.waitFor(answer.position, this.config.limits.minRevisionWaitMs);
    }
    await reply.status(201).send(answer.body);
  }
}
