import { Readable } from 'node:stream';
import type {
  Reading,
  Resolved,
  ServerPosition,
  StreamFilter,
  Subscribed,
} from '../../../src/log/eventstoredb/client.ts';
import { serverFault, type FakeStore } from './server.ts';

/** A read: waits while the server is frozen, fails when it is down. */
export class FakeReading extends Readable implements Reading {
  constructor(
    records: () => Iterable<Resolved>,
    private readonly whenOpen: (work: () => void, fail: (fault: Error) => void) => void,
  ) {
    super({ objectMode: true });
    let items: Iterator<Resolved> | undefined;
    this._read = () => {
      this.whenOpen(
        () => {
          if (this.destroyed) return;
          try {
            items ??= records()[Symbol.iterator]();
            const { value, done } = items.next() as IteratorResult<Resolved, undefined>;
            this.push(done ? null : value);
          } catch (fault) {
            this.destroy(fault as Error);
          }
        },
        (fault) => this.destroy(fault),
      );
    };
  }

  async cancel(): Promise<void> {
    this.destroy();
  }
}

/** What a subscription may do wrong. */
export type StreamFault = 'error' | 'end' | 'silence' | 'repeat' | 'skip';

/** Events that may wait for a consumer of a live subscription. */
const BEHIND_MAX = 250;

export class FakeSubscription extends Readable implements Subscribed {
  #next: number;
  #isLive = false;
  #isSilent = false;
  #repeats = false;
  #skips = false;
  readonly #forget: () => void;

  constructor(
    private readonly store: FakeStore,
    private readonly options: { fromPosition: ServerPosition | 'start'; filter: StreamFilter },
    private readonly isFrozen: () => boolean,
  ) {
    super({ objectMode: true, highWaterMark: 10_000, read: () => undefined });
    const { fromPosition } = options;
    this.#next = store.indexOf(fromPosition);
    if (fromPosition !== 'start' && this.#next < store.size) {
      this.#next += store.at(this.#next).position?.commit === fromPosition.commit ? 1 : 0;
    }
    this.#forget = store.onStored(() => setImmediate(() => this.pump()));
    setImmediate(() => this.pump());
  }

  /** Hands over what there is, some at a time, and then says so. */
  pump(): void {
    if (this.destroyed || this.#isSilent || this.isFrozen()) return;
    // As strict as the server about what need not be escaped.
    const pattern = new RegExp(this.options.filter.regex, 'u');
    for (let count = 0; this.#next < this.store.size && count < 100; count += 1) {
      const event = this.store.at(this.#next);
      this.#next += 1;
      if (!pattern.test(event.streamId)) {
        this.options.filter.checkpointReached();
        continue;
      }
      if (this.#skips) {
        this.#skips = false;
        continue;
      }
      this.push({ event });
      if (this.#repeats) this.push({ event });
    }
    if (this.#next < this.store.size) {
      setImmediate(() => this.pump());
    } else if (!this.#isLive) {
      // Beside the events, as in the client: those pushed may not have been let go of yet.
      this.#isLive = true;
      this.emit('caughtUp');
    } else if (this.readableLength > BEHIND_MAX) {
      this.emit('error', serverFault('timeout', 'Consumer too slow to handle event while live.'));
    }
  }

  misbehave(how: StreamFault): void {
    if (this.destroyed) return;
    switch (how) {
      case 'error':
        // Nothing follows: no end, no close, and no new connection.
        this.#isSilent = true;
        this.emit('error', serverFault('unknown', 'RST_STREAM with code 0', 13));
        return;
      case 'end':
        this.#isSilent = true;
        this.push(null);
        return;
      case 'silence':
        this.#isSilent = true;
        return;
      case 'repeat':
        this.#repeats = true;
        return;
      case 'skip':
        this.#skips = true;
    }
  }

  async unsubscribe(): Promise<void> {
    this.#forget();
    setImmediate(() => this.destroy());
  }
}
