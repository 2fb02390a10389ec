/** What is to be undone when a service stops, or when its start fails half-way: last first. */
export class CleanupStack {
  readonly #steps: (() => unknown)[] = [];

  add(step: () => unknown): void {
    this.#steps.unshift(step);
  }

  /** Undoes everything once; a step that fails does not keep the others from running. */
  async run(onFailure: (failure: unknown) => void): Promise<void> {
    for (const step of this.#steps.splice(0)) {
      try {
        await step();
      } catch (failure) {
        onFailure(failure);
      }
    }
  }
}
