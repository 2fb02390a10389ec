import type { Refusal } from '@playhead/contract';
import type { FollowingStatus } from './following/status.ts';
import { Observed } from './observed.ts';

interface Standing {
  readonly status: FollowingStatus;
  readonly refusal: Refusal | undefined;
}

/** How one of several looks at what they share: until it is closed, for this one alone. */
export class Look<Snapshot extends Standing> {
  readonly observed: Observed<Snapshot>;
  #isClosed = false;
  readonly #stop: () => void;

  /** `release` is called once, when it is closed. */
  constructor(
    source: Observed<Snapshot>,
    private readonly release: () => void,
  ) {
    const own = new Observed(source.snapshot);
    this.observed = own;
    this.#stop = source.subscribe(() => own.show(source.snapshot));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stop();
    const { snapshot } = this.observed;
    if (snapshot.status !== 'closed') {
      this.observed.show({ ...snapshot, status: 'closed', refusal: undefined });
    }
    this.release();
  }
}
