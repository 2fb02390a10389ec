/** Those who wait until something has reached a position of the log. */
export class PositionWaiters {
  #waiting: { readonly position: string; readonly resolve: () => void }[] = [];

  /** Resolves at the first `reached` that is not before the position, or at `releaseAll`. */
  wait(position: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ position, resolve }));
  }

  /** Everything up to this position is done. */
  reached(through: string): void {
    const done = this.#waiting.filter(({ position }) => position <= through);
    if (done.length === 0) return;
    this.#waiting = this.#waiting.filter(({ position }) => position > through);
    for (const { resolve } of done) resolve();
  }

  /** Nothing more will be reached: nobody waits from now on. */
  releaseAll(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}
