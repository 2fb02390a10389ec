import type pg from 'pg';

/** Where nodes tell each other how far the log reaches; the message is the head's number. */
export const HEAD_CHANNEL = 'playhead_log_head';

/**
 * Tells other nodes how far the log reaches, at most once in a while. Only a hint: they
 * poll as well, so one that is lost does no harm.
 */
export class HeadNotifier {
  #due: number | undefined;
  #isTelling = false;

  constructor(
    private readonly pool: pg.Pool,
    private readonly everyMs: number,
    private readonly hasOthers: () => boolean,
  ) {}

  announce(head: number): void {
    if (!this.hasOthers()) return;
    this.#due = head;
    if (!this.#isTelling) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#isTelling = true;
    while (this.#due !== undefined) {
      const head = this.#due;
      this.#due = undefined;
      const pause = new Promise((resolve) => setTimeout(resolve, this.everyMs));
      await this.pool
        .query('select pg_notify($1, $2)', [HEAD_CHANNEL, String(head)])
        .catch(() => undefined);
      await pause;
    }
    this.#isTelling = false;
  }
}
