import { PassThrough, type Readable } from 'node:stream';
import { Body, Controller, Inject, Post, Query, Req, Res } from '@nestjs/common';
import { importResult, type ImportLine } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { z } from 'zod';
import { may } from '../../access/principal.ts';
import type { Config, Limits } from '../../config.ts';
import type { Importer, ImportRequest } from '../../importing/importer.ts';
import { UnknownFormat } from '../../importing/read-file.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, EVENT_LOG, IMPORTER, LOGGER, PROJECTOR } from '../../tokens.ts';
import { ConcurrencyLimit } from '../concurrency-limit.ts';
import { Documented } from '../documents/documented.ts';
import { loggedProblem } from '../error-filter.ts';
import { Problem } from '../problem.ts';
import { anyOf, label, plainText, readQuery } from '../query-parameters.ts';
import { NDJSON, principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';
import { bounded } from './bounded-body.ts';

const NAME_LENGTH_MAX = 255;
/** After how many seconds an import that found too many others may be tried again. */
const RETRY_AFTER_S = 5;

const importQuery = ({ labelFiltersMax }: Limits) =>
  z.strictObject({
    name: plainText(NAME_LENGTH_MAX).default('file'),
    dryRun: z.enum(['true', 'false']).default('false'),
    as: anyOf(label, labelFiltersMax),
  });

/**
 * Takes a file with sessions of any format that is known, as it arrives: the body is the file,
 * whatever type it is sent as. Who accepts `application/x-ndjson` is sent progress meanwhile.
 */
@Controller('api/import')
@RequiresScope('ingest')
export class ImportController {
  readonly #limits: Limits;
  readonly #query;
  readonly #imports: ConcurrencyLimit;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(IMPORTER) private readonly importer: Importer,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {
    this.#limits = limits;
    this.#query = importQuery(limits);
    this.#imports = new ConcurrencyLimit(limits.importsMax, 'imports', RETRY_AFTER_S);
  }

  @Post()
  @Documented({
    summary: 'Takes a file with whole sessions, of any format that is known; a repeat adds nothing',
    query: importQuery,
    answer: importResult,
  })
  async take(
    @Body() body: unknown,
    @Query() query: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { name, dryRun, as = [] } = readQuery(this.#query, query);
    const principal = principalOf(request);
    reply.raw.once('close', this.#imports.enter());
    const file = {
      name,
      content: bounded((body ?? request.raw) as Readable, this.#limits),
      actor: principal.id,
      labels: Object.fromEntries(as),
      isDryRun: dryRun === 'true',
      mayRestore: may(principal, 'admin'),
    };
    if (request.headers.accept?.includes(NDJSON)) return this.#withProgress(file, reply);
    const result = await this.importer.take(file).catch((failure: unknown) => {
      throw refusalOf(failure);
    });
    await this.#seen();
    await reply.status(200).send(result);
  }

  /** A line for each step, the last with the result or the refusal. */
  async #withProgress(file: ImportRequest, reply: FastifyReply): Promise<void> {
    const lines = new PassThrough();
    const tell = (line: ImportLine): void => void lines.write(`${JSON.stringify(line)}\n`);
    void reply.status(200).type(NDJSON).send(lines);
    let next = 0;
    try {
      const result = await this.importer.take(file, (progress) => {
        const now = Date.now();
        if (now < next) return;
        next = now + this.#limits.importProgressMs;
        tell({ progress });
      });
      await this.#seen();
      tell({ result });
    } catch (failure) {
      const { refusal } = loggedProblem(refusalOf(failure), reply.request, this.logger);
      tell({ refusal });
    }
    lines.end();
  }

  /** Who imports looks for the sessions next; they are stored whatever the read models do. */
  async #seen(): Promise<void> {
    await this.projector.waitFor(await this.log.head(), this.#limits.minRevisionWaitMs);
  }
}

/** A failure as it is thrown on: a file of no known format is the client's fault. */
const refusalOf = (failure: unknown): unknown =>
  failure instanceof UnknownFormat ? new Problem('invalid', failure.message, 'body') : failure;
