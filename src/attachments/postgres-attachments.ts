import { createHash, randomUUID } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import {
  AttachmentRefused,
  type AttachmentBytes,
  type AttachmentStore,
  type PutAttachment,
  type StoredAttachment,
} from './attachment-store.ts';
import { inPieces } from './pieces.ts';

/** Bounds of a store. */
export interface AttachmentLimits {
  readonly attachmentBytesMax: number;
  /** Bytes of one row. */
  readonly attachmentPieceBytes: number;
}

/** Where the pieces of an attachment are. */
interface Place extends StoredAttachment {
  readonly upload: string;
  readonly pieceBytes: number;
}

/**
 * Attachments in the service's own database, so that its backup holds them. Bytes are rows of one
 * size each, of an upload that is named in `attachment_uploads` until it is whole. Then, in one
 * transaction, that name goes and the row in `attachments` comes, by which alone pieces are read:
 * of an upload that was broken off nothing is ever seen. Several may upload the same bytes at once;
 * the first one done stands, and the others remove their pieces.
 */
export class PostgresAttachments implements AttachmentStore {
  constructor(
    private readonly database: DataSource,
    private readonly limits: AttachmentLimits,
  ) {}

  async put(type: string, bytes: AttachmentBytes, hash?: string): Promise<PutAttachment> {
    const expected = hash ?? (bytes instanceof Uint8Array ? sha256(bytes) : undefined);
    const held = expected === undefined ? undefined : await this.#renewed(expected);
    if (held) {
      // Whoever names a hash must have its bytes: they are read to the end, and not stored.
      const found = await this.#take(bytes, held.hash, () => undefined);
      return { hash: found.hash, type: held.type, bytes: held.bytes, isNew: false };
    }
    const upload = randomUUID();
    await this.database.query('insert into attachment_uploads (upload) values ($1)', [upload]);
    try {
      const found = await this.#take(bytes, expected, (piece, nth) =>
        this.#add(upload, nth, piece),
      );
      return await this.#finish(upload, { type, ...found });
    } catch (failure) {
      // The collector does it where this fails as well.
      await this.#discard(upload).catch(() => undefined);
      throw failure;
    }
  }

  async find(hash: string): Promise<StoredAttachment | undefined> {
    const place = await this.#place(hash);
    return place && { hash, type: place.type, bytes: place.bytes };
  }

  async *read(hash: string, from: number, through: number): AsyncGenerator<Buffer> {
    const place = await this.#place(hash);
    if (!place) throw new Error(`attachment ${hash} is gone`);
    const { upload, pieceBytes } = place;
    const last = Math.floor(through / pieceBytes);
    for (let nth = Math.floor(from / pieceBytes); nth <= last; nth += 1) {
      const [row] = await this.database.query<{ data: Buffer }[]>(
        'select data from attachment_pieces where upload = $1 and nth = $2',
        [upload, nth],
      );
      if (!row) throw new Error(`attachment ${hash} was removed while it was read`);
      const begin = nth * pieceBytes;
      yield row.data.subarray(Math.max(0, from - begin), through + 1 - begin);
    }
  }

  async renew(hashes: readonly string[]): Promise<readonly string[]> {
    const wanted = [...new Set(hashes)].sort();
    if (wanted.length === 0) return [];
    // Rows are locked in one order, so that two who renew the same do not wait for each other.
    const [found] = await this.database.query<[{ hash: string }[], number]>(
      `update attachments set put_at = now()
       from (
         select hash from attachments where hash = any ($1::text[]) order by hash for update
       ) as wanted
       where attachments.hash = wanted.hash
       returning attachments.hash`,
      [wanted],
    );
    const held = new Set(found.map(({ hash }) => hash));
    return wanted.filter((hash) => !held.has(hash));
  }

  async list(after: string, limit: number): Promise<readonly StoredAttachment[]> {
    const found = await this.database.query<{ hash: string; type: string; bytes: string }[]>(
      'select hash, type, bytes from attachments where hash > $1 order by hash limit $2',
      [after, limit],
    );
    return found.map(({ hash, type, bytes }) => ({ hash, type, bytes: Number(bytes) }));
  }

  /** Hands on bytes piece by piece, and what they are in all. Throws `AttachmentRefused`. */
  async #take(
    bytes: AttachmentBytes,
    expected: string | undefined,
    onPiece: (piece: Buffer, nth: number) => unknown,
  ): Promise<Pick<StoredAttachment, 'hash' | 'bytes'>> {
    const { attachmentBytesMax, attachmentPieceBytes } = this.limits;
    const hash = createHash('sha256');
    let [count, nth] = [0, 0];
    for await (const piece of inPieces(bytes, attachmentPieceBytes)) {
      count += piece.length;
      if (count > attachmentBytesMax) {
        const message = `an attachment holds at most ${attachmentBytesMax} bytes`;
        throw new AttachmentRefused('too-large', message);
      }
      hash.update(piece);
      await onPiece(piece, nth);
      nth += 1;
    }
    const found = hash.digest('hex');
    if (expected !== undefined && found !== expected) {
      throw new AttachmentRefused('other-hash', `the bytes have the SHA-256 ${found}`);
    }
    return { hash: found, bytes: count };
  }

  /** Adds a piece while the upload has its name, which cannot go meanwhile. */
  async #add(upload: string, nth: number, piece: Buffer): Promise<void> {
    const added = await this.database.query<unknown[]>(
      `insert into attachment_pieces (upload, nth, data)
       select upload, $2, $3 from attachment_uploads where upload = $1 for key share
       returning nth`,
      [upload, nth, piece],
    );
    if (added.length === 0) throw expired();
  }

  /** Makes a whole upload readable, unless another one of the same bytes was first. */
  #finish(upload: string, { hash, type, bytes }: StoredAttachment): Promise<PutAttachment> {
    return this.database.transaction('READ COMMITTED', async (manager) => {
      // An event that refers to it may be stored next, and that is durable.
      await manager.query('set local synchronous_commit = on');
      if (!(await forget(manager, upload))) throw expired();
      const [stored] = await manager.query<{ upload: string; type: string }[]>(
        `insert into attachments (hash, type, bytes, piece_bytes, upload)
         values ($1, $2, $3, $4, $5)
         on conflict (hash) do update set put_at = now()
         returning upload, type`,
        [hash, type, bytes, this.limits.attachmentPieceBytes, upload],
      );
      const isNew = stored?.upload === upload;
      if (!isNew) await removePieces(manager, upload);
      return { hash, type: stored?.type ?? type, bytes, isNew };
    });
  }

  #discard(upload: string): Promise<void> {
    return this.database.transaction('READ COMMITTED', async (manager) => {
      // Whose name is gone was finished, though nobody was answered.
      if (await forget(manager, upload)) await removePieces(manager, upload);
    });
  }

  async #renewed(hash: string): Promise<StoredAttachment | undefined> {
    const missing = await this.renew([hash]);
    return missing.length > 0 ? undefined : this.find(hash);
  }

  async #place(hash: string): Promise<Place | undefined> {
    const [found] = await this.database.query<(Omit<Place, 'bytes'> & { bytes: string })[]>(
      `select hash, type, bytes, upload, piece_bytes as "pieceBytes" from attachments
       where hash = $1`,
      [hash],
    );
    return found && { ...found, bytes: Number(found.bytes) };
  }
}

const expired = (): AttachmentRefused =>
  new AttachmentRefused('expired', 'the upload took too long');

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Takes away the name of an upload; false when it has none any more. */
async function forget(manager: EntityManager, upload: string): Promise<boolean> {
  const [, count] = await manager.query<[unknown, number]>(
    'delete from attachment_uploads where upload = $1',
    [upload],
  );
  return count === 1;
}

const removePieces = (manager: EntityManager, upload: string): Promise<unknown> =>
  manager.query('delete from attachment_pieces where upload = $1', [upload]);
