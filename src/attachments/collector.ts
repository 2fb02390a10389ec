import type { DataSource } from 'typeorm';

/** When what nobody refers to is removed, in milliseconds. */
export interface CollectorLimits {
  /** How long after it was put or renewed an attachment is kept that nobody refers to. */
  readonly attachmentGraceMs: number;
  /** An upload that is not whole after so long was broken off. */
  readonly attachmentUploadMs: number;
  /** Pause between two sweeps of one node. */
  readonly attachmentSweepMs: number;
}

/** The read model that says what is referred to, which counts while its checkpoint is of these. */
export interface References {
  readonly projection: string;
  readonly version: number;
  readonly epoch: string;
  /** Where the log ends now. */
  readonly head: () => Promise<string>;
}

/** What a sweep has removed. */
export interface Collected {
  readonly attachments: number;
  readonly uploads: number;
}

/** Attachments and uploads that one statement removes. */
const REMOVED_MAX = 20;

/**
 * Removes attachments that no session refers to, and what broken-off uploads have left.
 *
 * That nothing is taken which an event refers to rests on three things:
 *
 * - Whoever appends such an event has put or renewed the attachment within the grace time before,
 *   which sets `put_at`. So an event that is not projected yet, however far the read model is
 *   behind, protects its attachment by `put_at` for that time.
 * - The read model must have taken all that the log held when the sweep began, and no session may
 *   be parked in it; else nothing is removed. The statement that deletes reads its checkpoint, its
 *   rows and `put_at` in one snapshot.
 * - A put or a renewal that commits after that snapshot has changed the row that is to go. Postgres
 *   then looks at the row again under its lock, finds the new `put_at`, and leaves it. If the
 *   deletion has the lock first, the other waits for it and finds no row: a put stores the bytes
 *   again, and a command that renews is refused before it appends.
 *
 * Any number of nodes may sweep at once.
 */
export class AttachmentCollector {
  readonly #stopped = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly database: DataSource,
    private readonly references: References,
    private readonly limits: CollectorLimits,
    private readonly onFault: (fault: unknown) => void,
  ) {}

  /** Sweeps again and again until it is stopped. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#sweeping = this.sweep()
        .catch(this.onFault)
        .finally(() => {
          if (!this.#stopped.signal.aborted) this.start();
        });
    }, this.limits.attachmentSweepMs).unref();
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** Removes all that is due now. */
  async sweep(): Promise<Collected> {
    const head = await this.references.head();
    const uploads = await this.#repeated(() => this.#removeUploads());
    const attachments = await this.#repeated(() => this.#removeAttachments(head));
    return { attachments, uploads };
  }

  /** In small statements, so that none holds many locks or runs long. */
  async #repeated(remove: () => Promise<number>): Promise<number> {
    let all = 0;
    for (let count = REMOVED_MAX; count === REMOVED_MAX && !this.#stopped.signal.aborted;) {
      count = await remove();
      all += count;
    }
    return all;
  }

  /**
   * Conditions stand on the row that is deleted itself, not only where candidates are chosen: those
   * are what Postgres looks at again when the row has changed meanwhile.
   */
  async #removeAttachments(head: string): Promise<number> {
    const { projection, version, epoch } = this.references;
    const due = `put_at < now() - $1 * interval '1 ms' and not exists (
      select 1 from attachment_refs where attachment_refs.hash = attachments.hash
    )`;
    const gone = await this.database.query<{ count: number }[]>(
      `with gone as (
         delete from attachments
         where hash = any (array(
             select hash from attachments where ${due} order by put_at limit ${REMOVED_MAX}
           ))
           and ${due}
           and exists (
             select 1 from checkpoints where name = $2 and version = $3 and epoch = $4
               and position >= $5 and not exists (select 1 from parked where projection = $2)
           )
         returning upload
       ), pieces as (
         delete from attachment_pieces using gone where attachment_pieces.upload = gone.upload
       )
       select count(*)::int as count from gone`,
      [this.limits.attachmentGraceMs, projection, version, epoch, head],
    );
    return gone[0]?.count ?? 0;
  }

  /**
   * Names of uploads go first. Whoever adds a piece or finishes holds the name's row meanwhile, or
   * waits and finds it gone; so the second statement sees every piece that there will be.
   */
  #removeUploads(): Promise<number> {
    return this.database.transaction('READ COMMITTED', async (manager) => {
      const [gone] = await manager.query<[{ upload: string }[], number]>(
        `delete from attachment_uploads
         where upload = any (array(
             select upload from attachment_uploads
             where begun_at < now() - $1 * interval '1 ms' limit ${REMOVED_MAX}
           ))
         returning upload`,
        [this.limits.attachmentUploadMs],
      );
      const uploads = gone.map(({ upload }) => upload);
      if (uploads.length > 0) {
        const statement = 'delete from attachment_pieces where upload = any ($1::uuid[])';
        await manager.query(statement, [uploads]);
      }
      return uploads.length;
    });
  }
}
