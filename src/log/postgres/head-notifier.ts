import type pg from 'pg';
import { CHANNEL } from './channel.ts';

/**
 * Tells other nodes how far the log reaches, at most once in a while. Only a hint: they look by
 * themselves as well, so one that is lost does no harm.
 */
export class HeadNotifier {
  #due: number | undefined;
  #isResting = false;

  constructor(
    private readonly pool: pg.Pool,
    private readonly everyMs: number,
    private readonly hasOthers: () => boolean,
  ) {}

  announce(head: number): void {
    if (!this.hasOthers()) return;
    this.#due = head;
    if (!this.#isResting) void this.#tell();
  }

  async #tell(): Promise<void> {
    this.#isResting = true;
    while (this.#due !== undefined) {
      const head = this.#due;
      this.#due = undefined;
      const rest = new Promise((resolve) => setTimeout(resolve, this.everyMs));
      await this.pool
        .query('select pg_notify($1, $2)', [CHANNEL, String(head)])
        .catch(() => undefined);
      await rest;
    }
    this.#isResting = false;
  }
}
