import { randomUUID } from 'node:crypto';
import type {
  ExpectedRevision,
  ServerAnswer,
  ServerEvent,
  ServerPosition,
  ServerRecord,
} from '../../../src/log/eventstoredb/client.ts';

/** An event as the stand-in keeps it: JSON texts, as the real client sends them. */
interface Kept {
  readonly streamId: string;
  readonly id: string;
  readonly type: string;
  readonly revision: bigint;
  readonly data: string;
  readonly metadata: string;
  readonly position: ServerPosition;
}

/** Errors as the client makes them: distinguished by their type, often without words. */
export const serverFault = (type: string | undefined, message = '', code?: number): Error =>
  Object.assign(new Error(message), { type, code });

/** The real one says with it what the stream is at; nobody should believe that. */
const wrongExpectedVersion = (): Error =>
  Object.assign(serverFault('wrong-expected-version'), { actualVersion: 1n });

const APPEND_BYTES_MAX = 1024 * 1024;

/** What EventStoreDB was measured to do with appends, in memory. */
export class FakeStore {
  readonly #all: Kept[] = [];
  readonly #streams = new Map<string, Kept[]>();
  readonly #deleted = new Set<string>();
  readonly #onStored = new Set<() => void>();
  #end = 0n;
  #appends = 0;

  get size(): number {
    return this.#all.length;
  }

  at(index: number): ServerRecord {
    return recordOf(this.#all[index]!);
  }

  stream(name: string): ServerRecord[] | undefined {
    this.#refuseDeleted(name);
    return this.#streams.get(name)?.map(recordOf);
  }

  /** Index of the first event at or beyond a position. */
  indexOf(position: ServerPosition | 'start' | 'end'): number {
    if (position === 'start') return 0;
    if (position === 'end') return this.#all.length;
    const index = this.#all.findIndex(({ position: { commit } }) => commit >= position.commit);
    return index < 0 ? this.#all.length : index;
  }

  onStored(listener: () => void): () => void {
    this.#onStored.add(listener);
    return () => this.#onStored.delete(listener);
  }

  /** Deletes a stream for good, as an operator may: a tombstone. */
  tombstone(name: string): void {
    this.#deleted.add(name);
  }

  /** As after a restore from an older copy. */
  setBack(count: number): void {
    for (const { streamId } of this.#all.splice(-count)) this.#streams.get(streamId)?.pop();
  }

  append(name: string, events: readonly ServerEvent[], expected: ExpectedRevision): ServerAnswer {
    this.#refuseDeleted(name);
    const line = this.#streams.get(name) ?? [];
    const sizes = events.map(({ data, metadata, type }) =>
      Buffer.byteLength(JSON.stringify(data) + JSON.stringify(metadata) + type + type),
    );
    if (sizes.reduce((sum, size) => sum + size, 0) > APPEND_BYTES_MAX) {
      throw serverFault('maximum-append-size-exceeded');
    }
    const known = line.findIndex(({ id }) => id === events[0]?.id);
    const last = line.length - 1;
    const after = expected === 'any' ? known - 1 : expected === 'no_stream' ? -1 : Number(expected);
    const isNext = expected === 'any' ? known < 0 : after === last;
    if (isNext) return this.#store(name, line, events);
    const there = line.slice(after + 1, after + 1 + events.length);
    const repeat = there.at(-1);
    if (repeat && events.every(({ id }, nth) => there[nth]?.id === id)) {
      return { success: true, nextExpectedRevision: repeat.revision, position: repeat.position };
    }
    throw wrongExpectedVersion();
  }

  #refuseDeleted(name: string): void {
    if (this.#deleted.has(name)) throw serverFault('stream-deleted');
  }

  #store(name: string, line: Kept[], events: readonly ServerEvent[]): ServerAnswer {
    for (const event of events) this.#keep(name, line, event);
    this.#streams.set(name, line);
    const last = line.at(-1)!;
    // The server's own events lie between ours, and its projections' links.
    this.#appends += 1;
    if (this.#appends % 5 === 0) this.#keepOwn('$stats-127.0.0.1:2113', '$statsCollected');
    if (this.#appends % 3 === 0) this.#keepOwn('$ce-session', '$>');
    for (const tell of this.#onStored) tell();
    return { success: true, nextExpectedRevision: last.revision, position: last.position };
  }

  #keep(name: string, line: Kept[], event: ServerEvent): void {
    const [data, metadata] = [JSON.stringify(event.data), JSON.stringify(event.metadata)];
    this.#end += BigInt(data.length + 200);
    const kept = {
      ...{ streamId: name, id: event.id.toLowerCase(), type: event.type, data, metadata },
      revision: BigInt(line.length),
      position: { commit: this.#end, prepare: this.#end },
    };
    line.push(kept);
    this.#all.push(kept);
  }

  #keepOwn(name: string, type: string): void {
    const line = this.#streams.get(name) ?? [];
    this.#streams.set(name, line);
    const event = { id: randomUUID(), type, data: {}, metadata: {} };
    this.#keep(name, line, { ...event, contentType: 'application/json' });
  }
}

const recordOf = ({ data, metadata, ...kept }: Kept): ServerRecord => ({
  ...kept,
  isJson: true,
  created: new Date(0),
  data: JSON.parse(data) as unknown,
  metadata: JSON.parse(metadata) as unknown,
});
