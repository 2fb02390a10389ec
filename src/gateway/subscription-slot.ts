import { refuse, type Refusal } from '@playhead/contract';

/** What a slot holds: a subscription to a session or to the list. */
interface Subscription {
  /** Ends it without a word. */
  end(): void;
  /** Ends it and tells the viewer why. */
  close(refusal: Refusal): void;
}

/**
 * Where one socket has one thing open. Opening it again leaves the old subscription running until
 * the new one is acknowledged; if the new one is refused, the old one stays. Of several requests
 * the last one counts.
 */
export class SubscriptionSlot<Held extends Subscription> {
  #open: Held | undefined;
  #opening: Held | undefined;

  /** An open was acknowledged and nothing has ended the subscription since. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Neither open nor being opened. */
  get isEmpty(): boolean {
    return !this.#open && !this.#opening;
  }

  /** Refuses a request that is still being opened: a later request has come. */
  supersede(): void {
    this.#opening?.close(refuse('refused', 'superseded by a later request on the same socket'));
  }

  /** A subscription begins; `acknowledged` or `refused` follows. */
  begin(opening: Held): void {
    this.#opening = opening;
  }

  /** The subscription that was begun takes the place of the old one. */
  acknowledged(): void {
    this.#open?.end();
    this.#open = this.#opening;
    this.#opening = undefined;
  }

  /** The subscription that was begun did not come about. */
  refused(): void {
    this.#opening = undefined;
  }

  /** The service has closed the open subscription. */
  closed(): void {
    this.#open = undefined;
  }

  /** The viewer wants it no more. */
  close(): void {
    this.supersede();
    this.#open?.end();
    this.#open = undefined;
  }

  /** Ends everything and tells the viewer why. */
  closeWith(refusal: Refusal): void {
    this.#opening?.close(refusal);
    this.#open?.close(refusal);
  }

  /** The socket is gone. */
  end(): void {
    this.#opening?.end();
    this.#open?.end();
  }
}
