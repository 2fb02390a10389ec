import { eventTypes } from '@playhead/contract';
import type { StorableEvent } from './codec.ts';
import { upcasts, versionRead, type Upcasts } from './upcasts.ts';

/** A version of an event type. */
export interface EventVersion {
  readonly type: string;
  readonly v: number;
}

/** Where a log notes which versions it holds. */
export interface EventVersionStore {
  /** All versions that the log may hold; some of them it may hold no event of. */
  read(): Promise<readonly EventVersion[]>;
  /** Adds one; once more changes nothing that `read` tells. */
  add(version: EventVersion): Promise<void>;
}

type Warn = (message: string, about: unknown) => void;

/**
 * Which versions of which event types a log holds, so that a build that cannot read an old one says
 * so when it starts and not in the middle of a replay.
 */
export class EventVersions {
  readonly #noted = new Set<string>();
  readonly #adding = new Map<string, Promise<void>>();

  constructor(
    private readonly store: EventVersionStore,
    private readonly warn: Warn,
    private readonly registry: Upcasts = upcasts,
  ) {}

  /**
   * Throws when the log holds versions older than today's that no upcast lifts, and names them all.
   * Newer versions and unknown types only warn: a node that was rolled back must start, and passes
   * such events on as they are.
   */
  async check(): Promise<void> {
    const held = await this.store.read();
    for (const version of held) this.#noted.add(nameOf(version));
    const { unreadable, newer, unknown } = sortedOut(held, this.registry);
    if (newer.length > 0) {
      this.warn('the log holds versions newer than this build, which pass unread', newer);
    }
    if (unknown.length > 0) {
      this.warn('the log holds event types unknown to this build, which pass unread', unknown);
    }
    if (unreadable.length === 0) return;
    throw new Error(
      `the log holds versions of events that no upcast lifts to those of this build: ` +
        `${unreadable.join(', ')}; start a build that has the upcasts`,
    );
  }

  /**
   * Notes versions that are new in the log: to be waited for before their events are stored, so
   * that no crash comes between. Undefined when there are none, as nearly always.
   */
  note(events: readonly StorableEvent[]): Promise<unknown> | undefined {
    const isNew = (event: EventVersion): boolean => !this.#noted.has(nameOf(event));
    return events.some(isNew)
      ? Promise.all(events.filter(isNew).map((event) => this.#add(event)))
      : undefined;
  }

  /** Each once, however many wait for it. */
  #add({ type, v }: EventVersion): Promise<void> {
    const name = nameOf({ type, v });
    const adding =
      this.#adding.get(name) ??
      this.store
        .add({ type, v })
        .then(() => void this.#noted.add(name))
        .finally(() => this.#adding.delete(name));
    this.#adding.set(name, adding);
    return adding;
  }
}

const nameOf = ({ type, v }: EventVersion): string => `${type} ${v}`;

/** The versions that need somebody's attention, as that person reads them. */
function sortedOut(
  held: readonly EventVersion[],
  registry: Upcasts,
): Record<'unreadable' | 'newer' | 'unknown', string[]> {
  const found = { unreadable: [] as string[], newer: [] as string[], unknown: [] as string[] };
  for (const { type, v } of held) {
    const name = nameOf({ type, v });
    if (!Object.hasOwn(eventTypes, type)) {
      found.unknown.push(name);
      continue;
    }
    const today = eventTypes[type as keyof typeof eventTypes].v;
    const read = versionRead(type, v, registry);
    if (read < today) found.unreadable.push(`${name} (today's is ${today})`);
    if (read > today) found.newer.push(`${name} (today's is ${today})`);
  }
  for (const names of Object.values(found)) names.sort();
  return found;
}
