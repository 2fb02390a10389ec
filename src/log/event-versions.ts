import { eventTypes } from '@playhead/contract';
import type { StorableAppend } from './codec.ts';
import { versionRead } from './upcasts.ts';

/** A version of an event type. */
export interface EventVersion {
  readonly type: string;
  readonly v: number;
}

/** Where a log notes which versions it holds. */
export interface EventVersionStore {
  read(): Promise<readonly EventVersion[]>;
  /** Adds one; once more changes nothing that `read` tells. */
  add(version: EventVersion): Promise<void>;
}

/**
 * Which versions of which event types a log holds, so that a build that cannot read an old one says
 * so when it starts and not in the middle of a replay.
 */
export class EventVersions {
  readonly #known = new Set<string>();

  constructor(
    private readonly store: EventVersionStore,
    private readonly warn: (message: string, about: unknown) => void,
  ) {}

  /**
   * Throws when the log holds versions older than today's that no upcast lifts. Newer ones only
   * warn: a node that was rolled back must start, and passes such events on as they are.
   */
  async check(): Promise<void> {
    const tooOld: string[] = [];
    for (const { type, v } of await this.store.read()) {
      this.#known.add(keyOf({ type, v }));
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
      const key = keyOf({ type, v });
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      void this.store.add({ type, v }).catch(() => this.#known.delete(key));
    }
  }
}

const keyOf = ({ type, v }: EventVersion): string => `${type} ${v}`;
