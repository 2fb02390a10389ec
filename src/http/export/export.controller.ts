import { Controller, Get, Inject, Param, Query, Res } from '@nestjs/common';
import { exportFormats, id, sessionStream } from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import type { Config } from '../../config.ts';
import type { SessionHistory } from '../../live/history/session-history.ts';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { CONFIG, DATABASE, EVENT_LOG, PROJECTOR, SESSION_HISTORY } from '../../tokens.ts';
import { ConcurrencyLimit } from '../concurrency-limit.ts';
import { Documented, type RouteDocument } from '../documents/documented.ts';
import { Problem } from '../problem.ts';
import { readQuery } from '../query-parameters.ts';
import { RequiresScope } from '../requires-scope.ts';
import { eventAt, moment } from '../sessions/at.ts';
import type { ReadModelContext } from '../sessions/min-revision.ts';
import { committedLines } from './committed-lines.ts';
import { fileName } from './file-name.ts';
import { forms } from './formats.ts';
import { sendPieces } from './send-pieces.ts';
import { openTranscript } from './transcript.ts';

const exportQuery = z.strictObject({
  format: z.enum(exportFormats).default('json'),
  at: moment.optional(),
});
type ExportQuery = z.infer<typeof exportQuery>;

const document: RouteDocument = {
  summary: 'A whole session as a file, as it was when the export began, or at a moment before',
  query: () => exportQuery,
  download: Object.values(forms).map(({ type }) => type),
};

/** After how many seconds an export that found too many others may be asked for again. */
const RETRY_AFTER_S = 5;

/**
 * Whole sessions as files, at the revision that was the last one when the export began, or at an
 * earlier one.
 *
 * Read on in `transcript.ts` (what a session was at a revision), `formats.ts` (how it is written)
 * and `committed-lines.ts` (the events themselves). All of them are generators: the next page is
 * read when the client has taken most of the last.
 */
@Controller('api')
@RequiresScope('read')
export class ExportController {
  readonly #context: ReadModelContext;
  readonly #exports: ConcurrencyLimit;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(DATABASE) database: DataSource,
    @Inject(EVENT_LOG) log: EventLog,
    @Inject(PROJECTOR) projector: Projector,
    @Inject(SESSION_HISTORY) private readonly history: SessionHistory,
  ) {
    this.#context = { database, log, projector, limits };
    this.#exports = new ConcurrencyLimit(limits.exportsMax, 'exports', RETRY_AFTER_S);
  }

  @Get('sessions/:id/export')
  @Documented(document)
  async session(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#export('session', sessionId, query, reply);
  }

  @Get('conversations/:id/export')
  @Documented(document)
  async conversation(
    @Param('id') sessionId: string,
    @Query() query: unknown,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    await this.#export('conversation', sessionId, query, reply);
  }

  /** `kind` is what the file is named after. */
  async #export(kind: string, sessionId: string, query: unknown, reply: FastifyReply) {
    const asked = readQuery(exportQuery, query);
    reply.raw.once('close', this.#exports.enter());
    const exportedAt = new Date();
    const { type, extension } = forms[asked.format];
    const texts = await this.#texts(asked, sessionId, exportedAt, reply);
    const name = fileName(kind, sessionId, exportedAt, extension);
    const headers = {
      'content-type': `${type}; charset=utf-8`,
      'content-disposition': `attachment; filename="${name}"`,
      'cache-control': 'no-cache, no-store, must-revalidate',
    };
    await sendPieces(reply, headers, texts, this.#context.limits.exportStallMs);
  }

  async #texts(
    { format, at }: ExportQuery,
    sessionId: string,
    exportedAt: Date,
    reply: FastifyReply,
  ): Promise<AsyncGenerator<string>> {
    const { log, limits } = this.#context;
    const head = at
      ? await eventAt(this.history, sessionId, at, reply)
      : await this.#head(sessionId);
    const { write } = forms[format];
    if (!write) {
      const bounds = { limit: limits.foldSliceMax, bytesMax: limits.exportBytesMax };
      return committedLines(log, sessionId, head.revision, bounds);
    }
    const isAwaited = (): boolean => !reply.raw.destroyed;
    return write(await openTranscript(this.#context, sessionId, head, isAwaited), exportedAt);
  }

  async #head(sessionId: string): Promise<RecordedEvent> {
    const isId = id.safeParse(sessionId).success;
    const head = isId ? await this.#context.log.last(sessionStream(sessionId)) : undefined;
    if (!head) throw new Problem('not-found');
    return head;
  }
}
