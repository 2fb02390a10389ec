import type { RecordedEvent } from '../event-log.ts';
import { boundedPage, type PageBounds } from '../pages.ts';
import type { Resolved, ServerClient, Subscribed } from './client.ts';
import type { InUse } from './replaceable-client.ts';
import { fromServer, type StreamNames, serverPositionOf, positionOf } from './mapping.ts';

/** Streams whose last revision is remembered; those that moved last. */
const STREAMS_MAX = 10_000;

/** Last revisions of streams, to notice that a subscription left out an event. */
export class Revisions {
  readonly #last = new Map<string, number>();

  /** Throws when an event does not come right after the one before it in its stream. */
  follow({ stream, revision }: Pick<RecordedEvent, 'stream' | 'revision'>): void {
    const last = this.#last.get(stream);
    if (last !== undefined && revision !== last + 1) {
      throw new Error(`${stream} has a gap: revision ${revision} follows ${last}`);
    }
    this.#last.delete(stream);
    this.#last.set(stream, revision);
    if (this.#last.size <= STREAMS_MAX) return;
    for (const oldest of this.#last.keys()) {
      this.#last.delete(oldest);
      break;
    }
  }
}

interface Options {
  readonly names: StreamNames;
  readonly revisions: Revisions;
  readonly bounds: PageBounds;
  /** Everything up to a position has come, whether it is the log's or the adapter's own. */
  readonly onReceivedThrough: (position: string) => void;
}

/** So many pages may wait for a slow reader; then the subscription ends, to be taken up later. */
const PAGES_MAX = 2;

/** Why a subscription ended whose events were not taken; no fault. */
export const tooSlow = new Error('the reader is slow');

/** One subscription of the client: what it brought and nobody took yet, until it ends for good. */
export class Subscription {
  readonly #subscribed: Subscribed;
  #waiting: RecordedEvent[] = [];
  #bytes = 0;
  /** The server said that it has nothing more; events before that word may still be on the way. */
  #isCaughtUpReported = false;
  #isLive = false;
  #ended: Error | undefined;
  #wake: () => void = () => undefined;
  /** When anything came last, on the monotonic clock. */
  lastReceivedAt = performance.now();

  /** `through`: everything up to this position was received; what comes beyond it is asked for. */
  constructor(
    private readonly inUse: InUse,
    private through: string,
    private readonly options: Options,
  ) {
    this.#subscribed = this.#start(inUse.client);
    inUse.onRetired.add(this.end);
  }

  /** Why no more will come, `undefined` while some may. */
  get ended(): Error | undefined {
    return this.#ended;
  }

  get isLive(): boolean {
    return this.#isLive;
  }

  /** The next page, `undefined` when it is not whole yet though more may come. */
  take(): { events: readonly RecordedEvent[]; caughtUp: boolean } | undefined {
    const events = boundedPage(this.#waiting, this.options.bounds);
    const isWhole = events.length < this.#waiting.length;
    if (!isWhole && !this.#isLive && !this.#ended) return undefined;
    this.#waiting = this.#waiting.slice(events.length);
    this.#bytes = this.#waiting.reduce((sum, event) => sum + event.bytes, 0);
    return { events, caughtUp: !isWhole && this.#isLive && !this.#ended };
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves with the next change of anything above. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  readonly end = (why: Error): void => {
    if (this.#ended) return;
    this.#ended = why;
    this.inUse.onRetired.delete(this.end);
    void this.#subscribed.unsubscribe().catch(() => undefined);
    this.#wake();
  };

  #start(client: ServerClient): Subscribed {
    const subscribed = client.subscribeToAll({
      fromPosition: serverPositionOf(this.through),
      filter: {
        filterOn: 'streamName',
        regex: this.options.names.regex,
        checkpointInterval: 1,
        checkpointReached: () => this.#received(),
      },
    });
    subscribed.on('error', this.end);
    subscribed.on('end', () => this.end(new Error('the subscription ended')));
    subscribed.on('close', () => this.end(new Error('the subscription was closed')));
    subscribed.on('caughtUp', () => {
      this.#isCaughtUpReported = true;
      this.#received();
    });
    subscribed.on('fellBehind', () => {
      this.#isCaughtUpReported = false;
      this.#isLive = false;
      this.#received();
    });
    subscribed.on('data', (resolved) => {
      if (!this.#ended) this.#accept(resolved);
    });
    return subscribed;
  }

  /** The client tells that it caught up beside the events, so before those it has not let go. */
  #received(): void {
    this.lastReceivedAt = performance.now();
    this.#isLive = this.#isCaughtUpReported && this.#subscribed.readableLength === 0;
    this.#wake();
  }

  #accept({ event: record }: Resolved): void {
    try {
      const position = record?.position && positionOf(record.position);
      if (record && position !== undefined && position > this.through) {
        const stream = this.options.names.fromServer(record.streamId);
        if (stream !== undefined) this.#keep(fromServer(record, stream));
        this.through = position;
        this.options.onReceivedThrough(position);
      }
      this.#received();
    } catch (fault) {
      this.end(fault as Error);
    }
  }

  #keep(event: RecordedEvent): void {
    this.options.revisions.follow(event);
    this.#waiting.push(event);
    this.#bytes += event.bytes;
    const { limit, bytesMax } = this.options.bounds;
    // The server drops who takes events too slowly, so one who reads slowly takes none for now.
    const isFull = this.#waiting.length >= PAGES_MAX * limit || this.#bytes >= PAGES_MAX * bytesMax;
    if (isFull) this.end(tooSlow);
  }
}
