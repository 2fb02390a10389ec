import { Controller, Inject, Post, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { fileResult, type FileResult } from '@playhead/contract';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { Importer } from '../../importing/importer.ts';
import { UnknownFormat } from '../../importing/read-file.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, EVENT_LOG, IMPORTER, LOGGER, PROJECTOR } from '../../tokens.ts';
import { Documented } from '../documents/documented.ts';
import { loggedProblem } from '../error-filter.ts';
import { Problem } from '../problem.ts';
import { principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';

const answer = z.strictObject({ files: z.array(fileResult) });

/** Takes files that a browser's form sends; each is imported by itself and has its own result. */
@Controller('api/upload')
@RequiresScope('ingest')
export class UploadFilesController {
  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(IMPORTER) private readonly importer: Importer,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {}

  @Post()
  @Documented({
    summary: 'Takes files with whole sessions as multipart/form-data, and answers for each of them',
    answer,
  })
  async take(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!request.isMultipart()) {
      throw new Problem('unsupported-media-type', 'must be multipart/form-data', 'content-type');
    }
    const { uploadFileBytesMax, uploadFilesMax, minRevisionWaitMs } = this.config.limits;
    const actor = principalOf(request).id;
    const files: FileResult[] = [];
    const parts = request.files({
      limits: { fileSize: uploadFileBytesMax, files: uploadFilesMax },
    });
    for await (const { filename, file } of parts) {
      const name = filename || 'file';
      try {
        const result = await this.importer.take({
          ...{ name, content: whole(file, uploadFileBytesMax), actor, labels: {} },
          ...{ isDryRun: false, mayRestore: false },
        });
        files.push({ name, result });
      } catch (failure) {
        const isOwn = failure instanceof UnknownFormat;
        const wrong = isOwn ? new Problem('invalid', failure.message) : failure;
        const problem = loggedProblem(wrong, request, this.logger);
        // The log's refusals are of the request: the files behind this one would meet them too.
        if (problem.refusal.retry) throw failure;
        files.push({ name, refusal: problem.refusal });
      } finally {
        file.resume();
      }
    }
    if (files.length === 0) throw new Problem('invalid', 'files: required', 'files');
    await this.projector.waitFor(await this.log.head(), minRevisionWaitMs);
    await reply.status(200).send({ files });
  }
}

/** Throws when the file was cut at its limit. */
async function* whole(
  file: AsyncIterable<Uint8Array> & { readonly truncated: boolean },
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  yield* file;
  if (file.truncated) throw new Problem('too-large', `a file of more than ${bytesMax} bytes`);
}
