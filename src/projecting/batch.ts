import type { SessionEvent } from '@playhead/contract';
import type { Checkpoint } from './checkpoints.ts';

/** Events on their way into a read model. */
export interface Batch {
  readonly events: readonly SessionEvent[];
  /** What is wrong with the place of an event in its session, by the event's id. */
  readonly misplaced: ReadonlyMap<string, string>;
  /** Whether any session had been set aside at `from`. */
  readonly hasParked: boolean;
  readonly from: Checkpoint;
  readonly to: Checkpoint;
}
