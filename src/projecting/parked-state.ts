import type { SessionEvent } from '@playhead/contract';
import { readCheckpoint, type Checkpoint, type CheckpointState } from './checkpoints.ts';
import type { ReadModel } from './read-model.ts';

/** What a loop knows of its parked sessions and skipped events, since it last read them. */
export class ParkedState {
  #count = 0;
  #skipped: ReadonlySet<string> = new Set();
  /** Sessions were folded again since a batch was last applied. */
  #isContended = false;
  #isOutdated = false;

  /** Parked sessions. */
  get count(): number {
    return this.#count;
  }

  /** What of it a batch of these events must know. */
  of(events: readonly SessionEvent[]) {
    const skipped = this.#skipped;
    return {
      events: skipped.size === 0 ? events : events.filter(({ id }) => !skipped.has(id)),
      hasParked: this.#count > 0,
      isContended: this.#isContended,
    };
  }

  /** Takes what was read with a checkpoint; returns the checkpoint alone. */
  read({ parked, skipped, ...checkpoint }: CheckpointState): Checkpoint {
    this.#count = parked;
    this.#skipped = new Set(skipped);
    return checkpoint;
  }

  /** A batch was applied, and so many sessions were parked. */
  applied(parked: number): void {
    this.#count += parked;
    this.#isContended = false;
  }

  /** A session was folded again on this node. */
  refolded(): void {
    this.#isOutdated = true;
  }

  /** Whether somebody may have changed it without an event that says so. */
  get mayHaveChanged(): boolean {
    return this.#count > 0 || this.#isOutdated;
  }

  /**
   * The checkpoint to go on from at once, when sessions were folded again or other rows were
   * swapped in since it was at `from`; undefined when that is not what has happened.
   */
  async afterRefold(model: ReadModel, from: Checkpoint): Promise<Checkpoint | undefined> {
    this.#isOutdated = false;
    const found = await readCheckpoint(model.dataSource, model.projection.name);
    const { version, epoch, position, generation } = found;
    const isThere = version === from.version && epoch === from.epoch && position === from.position;
    if (!isThere || generation === from.generation) return undefined;
    this.#isContended = true;
    return this.read(found);
  }
}
