/** Why copies cannot be compared or swapped now. */
export class CannotSwap extends Error {
  constructor(
    message: string,
    /** It may work a little later. */
    readonly isPassing = false,
  ) {
    super(message);
  }
}
