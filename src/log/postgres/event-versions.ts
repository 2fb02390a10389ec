import { eventTypes } from '@playhead/contract';
import type pg from 'pg';
import type { StorableAppend } from '../codec.ts';
import { versionRead } from '../upcasts.ts';

type Warn = (message: string, about: unknown) => void;

/**
 * Which versions of which event types the log holds, in a small table, so that a build that cannot
 * read an old one says so when it starts and not in the middle of a replay.
 */
export class EventVersions {
  readonly #known = new Set<string>();

  constructor(
    private readonly pool: pg.Pool,
    private readonly warn: Warn,
  ) {}

  /**
   * Throws when the log holds versions older than today's that no upcast lifts. Newer ones only
   * warn: a node that was rolled back must start, and passes such events on as they are.
   */
  async check(): Promise<void> {
    const { rows } = await this.pool.query<{ type: string; v: number }>(
      'select type, v from event_versions',
    );
    const tooOld: string[] = [];
    for (const { type, v } of rows) {
      this.#known.add(`${type} ${v}`);
      if (!Object.hasOwn(eventTypes, type)) continue;
      const today = eventTypes[type as keyof typeof eventTypes].v;
      const read = versionRead(type, v);
      if (read < today) tooOld.push(`${type} ${v}`);
      if (read > today) this.warn('the log holds a version newer than this build', { type, v });
    }
    if (tooOld.length > 0) {
      throw new Error(`the log holds versions that no upcast lifts: ${tooOld.join(', ')}`);
    }
  }

  /** Beside the append, not before it: only the first of its kind would have to wait. */
  note({ events }: StorableAppend): void {
    for (const { type, v } of events) {
      const key = `${type} ${v}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      void this.#store(type, v).catch(() => this.#known.delete(key));
    }
  }

  async #store(type: string, v: number): Promise<void> {
    await this.pool.query(
      'insert into event_versions (type, v) values ($1, $2) on conflict do nothing',
      [type, v],
    );
  }
}
