import { Readable } from 'node:stream';
import { Body, Controller, Get, Inject, Param, Put, Req, Res } from '@nestjs/common';
import { attachmentHash, mediaType, storedAttachment } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DataSource } from 'typeorm';
import { isReferredTo } from '../../../projections/attachment-refs.ts';
import { may, type Principal } from '../../access/principal.ts';
import {
  AttachmentRefused,
  type AttachmentStore,
  type PutAttachment,
  type StoredAttachment,
} from '../../attachments/attachment-store.ts';
import type { Config, Limits } from '../../config.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Projector } from '../../projecting/projector.ts';
import { ATTACHMENTS, CONFIG, DATABASE, EVENT_LOG, PROJECTOR } from '../../tokens.ts';
import { ConcurrencyLimit } from '../concurrency-limit.ts';
import { Documented } from '../documents/documented.ts';
import { Problem } from '../problem.ts';
import { principalOf } from '../request-hooks.ts';
import { RequiresScope } from '../requires-scope.ts';
import { sentTypeOf } from '../streamed-bodies.ts';
import { byteRange } from './byte-range.ts';

/** After how many seconds a put that found too many others may be tried again. */
const RETRY_AFTER_S = 5;

/** What browsers show without running anything in it; all else is a download. */
const IMAGES = /^image\/(png|jpeg|gif|webp|avif|bmp)$/i;

/** No script, frame or request of what is served here ever runs, whatever its type says. */
const POLICY = "sandbox; default-src 'none'; img-src 'self'; style-src 'none'";

/**
 * Bytes by their SHA-256. Whoever may read sessions may read what a session refers to. What none
 * refers to is there for those who can put it: nobody else can know its hash from an event.
 */
@Controller('api/attachments/:hash')
export class AttachmentsController {
  readonly #limits: Limits;
  readonly #puts: ConcurrencyLimit;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(ATTACHMENTS) private readonly attachments: AttachmentStore,
    @Inject(DATABASE) private readonly database: DataSource,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(PROJECTOR) private readonly projector: Projector,
  ) {
    this.#limits = limits;
    this.#puts = new ConcurrencyLimit(limits.attachmentPutsMax, 'attachments', RETRY_AFTER_S);
  }

  @Put()
  @RequiresScope('any key')
  @Documented({
    summary: 'Stores bytes of any type under their SHA-256 in hex: 201 when they are new, else 200',
    answer: storedAttachment,
    status: 201,
    takesBytes: true,
  })
  async put(
    @Param('hash') hash: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    refuseOthers(principalOf(request));
    if (!attachmentHash.safeParse(hash).success) throw notThatHash('must be a SHA-256 in hex');
    const type = sentTypeOf(request);
    if (!mediaType.safeParse(type).success) {
      const message = 'Content-Type: must be a media type';
      throw new Problem('unsupported-media-type', message, 'content-type');
    }
    this.#refuseLarge(request);
    const { isNew, ...stored } = await this.#store(type, body, hash);
    await reply.status(isNew ? 201 : 200).send(stored);
  }

  @Get()
  @RequiresScope('any key')
  @Documented({
    summary: 'An attachment, or the part of it that `Range` names',
    download: ['application/octet-stream'],
  })
  async get(
    @Param('hash') hash: string,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const found = await this.#readable(hash, principalOf(request));
    const etag = `"${hash}"`;
    if (namesTag(request.headers['if-none-match'], etag)) {
      await reply.status(304).headers(headersOf(found, etag)).send();
      return;
    }
    const { bytes } = found;
    const { range: wanted, 'if-range': ifRange } = request.headers;
    const range = byteRange(ifRange === undefined || ifRange === etag ? wanted : undefined, bytes);
    if (range === 'none') {
      void reply.header('content-range', `bytes */${bytes}`);
      throw new Problem('range-not-satisfiable', `it has ${bytes} bytes`, 'range');
    }
    const { from, through } = range ?? { from: 0, through: bytes - 1 };
    if (range) {
      void reply.status(206).header('content-range', `bytes ${from}-${through}/${bytes}`);
    }
    void reply.headers(headersOf(found, etag)).header('content-length', through - from + 1);
    reply.raw.setTimeout(this.#limits.attachmentStallMs, () => reply.raw.destroy());
    // Of HEAD, too, the length stands that was said: Fastify counts all but streams.
    const pieces = request.method === 'HEAD' ? [] : this.attachments.read(hash, from, through);
    await reply.send(Readable.from(pieces, { objectMode: false }));
  }

  #refuseLarge({ headers }: FastifyRequest): void {
    const { attachmentBytesMax } = this.#limits;
    if (Number(headers['content-length'] ?? 0) <= attachmentBytesMax) return;
    throw new Problem('too-large', `an attachment holds at most ${attachmentBytesMax} bytes`);
  }

  async #store(type: string, body: unknown, hash: string): Promise<PutAttachment> {
    const leave = this.#puts.enter();
    try {
      const bytes = body instanceof Readable ? (body as AsyncIterable<Buffer>) : Buffer.alloc(0);
      return await this.attachments.put(type, bytes, hash);
    } catch (failure) {
      throw failure instanceof AttachmentRefused ? problemOfRefusal(failure) : failure;
    } finally {
      leave();
    }
  }

  /** Throws `not-found` for what is not there and for what this principal may not read. */
  async #readable(hash: string, principal: Principal): Promise<StoredAttachment> {
    const mayPut = may(principal, 'write') || may(principal, 'ingest');
    const mayRead = may(principal, 'read');
    if (!mayPut && !mayRead) throw new Problem('forbidden', 'the key needs the scope read');
    const isHash = attachmentHash.safeParse(hash).success;
    const found = isHash ? await this.attachments.find(hash) : undefined;
    if (!found) throw new Problem('not-found');
    if (await isReferredTo(this.database, hash)) {
      if (mayRead) return found;
      throw new Problem('not-found');
    }
    if (mayPut) return found;
    // A viewer may have the event that refers to it before the read models do.
    await this.projector.waitFor(await this.log.head(), this.#limits.minRevisionWaitMs);
    if (await isReferredTo(this.database, hash)) return found;
    throw new Problem('not-found');
  }
}

function refuseOthers(principal: Principal): void {
  if (may(principal, 'write') || may(principal, 'ingest')) return;
  throw new Problem('forbidden', 'the key needs the scope write or ingest');
}

const notThatHash = (message: string): Problem =>
  new Problem('invalid', `hash: ${message}`, 'hash');

function problemOfRefusal({ reason, message }: AttachmentRefused): Problem {
  switch (reason) {
    case 'too-large':
      return new Problem('too-large', message);
    case 'other-hash':
      return notThatHash(message);
    case 'expired':
      return new Problem('unavailable', message);
  }
}

const headersOf = ({ type, hash }: StoredAttachment, etag: string) => ({
  'content-type': type,
  'content-disposition': IMAGES.test(type) ? 'inline' : `attachment; filename="${hash}"`,
  'content-security-policy': POLICY,
  'x-content-type-options': 'nosniff',
  'accept-ranges': 'bytes',
  // Rights are asked for each time; the bytes never change.
  'cache-control': 'private, no-cache',
  etag,
});

/** Whether `If-None-Match` names a tag, weakly compared. RFC 9110, 13.1.2. */
const namesTag = (header: string | undefined, etag: string): boolean =>
  header !== undefined &&
  (header.trim() === '*' ||
    header.split(',').some((one) => one.trim().replace(/^W\//, '') === etag));
