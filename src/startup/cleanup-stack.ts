/** What is to be undone when a service stops, or when its start fails half-way: last first. */
export class CleanupStack {
  readonly #cleanups: (() => unknown)[] = [];

  add(cleanup: () => unknown): void {
    this.#cleanups.unshift(cleanup);
  }

  /** Undoes everything once; a cleanup that fails does not keep the others from running. */
  async run(onFailure: (failure: unknown) => void): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0)) {
      try {
        await cleanup();
      } catch (failure) {
        onFailure(failure);
      }
    }
  }
}
