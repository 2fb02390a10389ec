import type {
  Connect,
  ExpectedRevision,
  Resolved,
  ServerAnswer,
  ServerClient,
  ServerEvent,
} from '../../../src/log/eventstoredb/client.ts';
import { serverFault, FakeStore } from './server.ts';
import { FakeReading, FakeSubscription, type StreamFault } from './streams.ts';

export { serverFault } from './server.ts';

/**
 * What becomes of one append: its answer or itself is lost, it is never answered, though stored or
 * not, the client never answers one again, the answer is short of what it should say, or a fault.
 */
export type AppendFault =
  | 'lost'
  | 'answer-lost'
  | 'unanswered'
  | 'stored-unanswered'
  | 'poison'
  | 'no-throw'
  | 'no-position'
  | Error;

const uuid = /^[0-9a-f-]{36}$/i;

const never = <T>(): Promise<T> => new Promise<T>(() => undefined);

const isOwn = (stream: string): boolean => /\bplayhead-/.test(stream);

/** A server of EventStoreDB and its clients, in memory, with the faults that were measured. */
export class FakeEventStore {
  readonly store = new FakeStore();
  readonly clients: FakeClient[] = [];
  /** What becomes of the next appends to the log's streams, in turn; then all goes well. */
  readonly mischief: AppendFault[] = [];
  disposeHangs = false;
  #isFrozen = false;
  #isDown = false;
  #waiting: (() => void)[] = [];

  readonly connect: Connect = () => {
    const client = new FakeClient(this);
    this.clients.push(client);
    return client;
  };

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  /** Nothing is answered, and nothing fails, until it goes on; then all that waited is done. */
  freeze(): void {
    this.#isFrozen = true;
  }

  thaw(): void {
    this.#isFrozen = false;
    for (const work of this.#waiting.splice(0)) work();
    for (const one of this.subscriptions) one.pump();
  }

  stop(): void {
    this.#isDown = true;
    this.misbehave('error');
  }

  start(): void {
    this.#isDown = false;
  }

  get subscriptions(): FakeSubscription[] {
    return this.clients.flatMap((client) => client.subscriptions.filter((one) => !one.destroyed));
  }

  misbehave(how: StreamFault): void {
    for (const one of this.subscriptions) one.misbehave(how);
  }

  whenOpen(work: () => void, fail: (fault: Error) => void): void {
    // The first to notice sees the type, the others by the bare code.
    if (this.#isDown) setImmediate(() => fail(serverFault(undefined, '14 UNAVAILABLE', 14)));
    else if (this.#isFrozen) this.#waiting.push(work);
    else setImmediate(work);
  }
}

export class FakeClient implements ServerClient {
  readonly subscriptions: FakeSubscription[] = [];
  isPoisoned = false;
  isDisposed = false;
  appends = 0;

  constructor(private readonly server: FakeEventStore) {}

  async appendToStream(
    stream: string,
    events: ServerEvent[],
    { expectedRevision }: { expectedRevision: ExpectedRevision },
  ): Promise<ServerAnswer> {
    if (!isOwn(stream)) this.appends += 1;
    if (this.isPoisoned) return never();
    try {
      JSON.stringify(events);
    } catch {
      return never();
    }
    if (!stream || events.some(({ id, type }) => !uuid.test(id) || !type)) {
      this.isPoisoned = true;
      throw serverFault('unknown', 'Could not recognize BadRequest');
    }
    const how = isOwn(stream) ? undefined : this.server.mischief.shift();
    const store = () => this.server.store.append(stream, events, expectedRevision);
    if (how === 'lost') throw serverFault('unavailable', '', 14);
    if (how === 'unanswered') return never();
    if (how instanceof Error) throw how;
    if (how === 'poison') {
      this.isPoisoned = true;
      return never();
    }
    const answer = await this.#opened(store).catch((fault: { type?: string }) => {
      if (how !== 'no-throw' || fault.type !== 'wrong-expected-version') throw fault;
      return { success: false, nextExpectedRevision: 1n };
    });
    if (how === 'answer-lost') throw serverFault('unavailable', '', 14);
    if (how === 'stored-unanswered') return never();
    if (how === 'no-position') return { ...answer, position: undefined };
    return answer;
  }

  async setStreamMetadata(
    stream: string,
    data: { maxCount: number },
    options: { expectedRevision: ExpectedRevision },
  ): Promise<unknown> {
    const id = '00000000-0000-4000-8000-000000000000';
    const event = { id, type: '$metadata', data: { ...data }, metadata: {} };
    return this.appendToStream(
      `$$${stream}`,
      [{ ...event, contentType: 'application/json' }],
      options,
    );
  }

  readStream(
    name: string,
    options: {
      direction: 'forwards' | 'backwards';
      fromRevision: bigint | 'end';
      maxCount: number;
    },
  ): FakeReading {
    const { store } = this.server;
    const records = (): Iterable<Resolved> => {
      const line = store.stream(name);
      if (!line) throw serverFault('stream-not-found');
      const { direction, fromRevision, maxCount } = options;
      const from = fromRevision === 'end' ? line.length - 1 : Number(fromRevision);
      const events =
        direction === 'forwards' ? line.slice(from) : line.slice(0, from + 1).reverse();
      return events.slice(0, maxCount).map((event) => ({ event }));
    };
    return new FakeReading(records, (work, fail) => this.server.whenOpen(work, fail));
  }

  readAll({ direction, fromPosition }: Parameters<ServerClient['readAll']>[0]): FakeReading {
    const { store } = this.server;
    function* records(): Generator<Resolved> {
      const step = direction === 'forwards' ? 1 : -1;
      const from = store.indexOf(fromPosition) - (step < 0 ? 1 : 0);
      for (let index = from; index >= 0 && index < store.size; index += step) {
        yield { event: store.at(index) };
      }
    }
    return new FakeReading(records, (work, fail) => this.server.whenOpen(work, fail));
  }

  subscribeToAll(options: Parameters<ServerClient['subscribeToAll']>[0]): FakeSubscription {
    const { server } = this;
    const subscription = new FakeSubscription(server.store, options, () => server.isFrozen);
    this.subscriptions.push(subscription);
    server.whenOpen(
      () => undefined,
      (fault) => subscription.emit('error', fault),
    );
    return subscription;
  }

  async dispose(): Promise<void> {
    this.isDisposed = true;
    for (const one of this.subscriptions) one.destroy();
    if (this.server.disposeHangs) return never();
  }

  #opened<T>(work: () => T): Promise<T> {
    return new Promise<void>((resolve, reject) => this.server.whenOpen(resolve, reject)).then(work);
  }
}
