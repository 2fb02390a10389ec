import type { PageBounds } from '../pages.ts';
import { START, type RecordedEvent } from '../event-log.ts';
import type { Reading, ServerClient, ServerPosition, ServerRecord } from './client.ts';
import type { ReplaceableClient } from './replaceable-client.ts';
import { fromServer, type StreamNames, serverPositionOf, positionOf } from './mapping.ts';
import { isMissing } from './errors.ts';

/** What reads need: whom to ask, which streams are the log's, and when silence is too long. */
export interface ReaderParts {
  readonly current: ReplaceableClient;
  readonly names: StreamNames;
  readonly answerMs: number;
  /** Of the log's first event; nothing of the log lies before it. */
  readonly origin: ServerPosition;
}

/**
 * Hands events over one by one until one is refused; then the read is cancelled. It is listened to
 * up to its very end: the client never lets go of a read that nobody takes anything from, and
 * faults that nobody handles would end the process.
 */
export function each(
  reading: Reading,
  answerMs: number,
  take: (record: ServerRecord) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let isDone = false;
    const settle = (fault?: Error): void => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      void reading.cancel().catch(() => undefined);
      if (fault && !isMissing(fault)) reject(fault);
      else resolve();
    };
    const isLate = (): void => settle(new Error(`no answer to a read within ${answerMs} ms`));
    const timer = setTimeout(isLate, answerMs);
    reading.on('data', ({ event }) => {
      if (isDone) return;
      timer.refresh();
      try {
        if (event && !take(event)) settle();
      } catch (fault) {
        settle(fault as Error);
      }
    });
    reading.on('error', settle);
    reading.on('end', () => settle());
    reading.on('close', () => settle(new Error('a read was closed')));
  });
}

/** Collects a page; `take` says whether there is room for more. */
class Page {
  readonly events: RecordedEvent[] = [];
  #bytes = 0;

  constructor(private readonly bounds: PageBounds) {}

  take(event: RecordedEvent): boolean {
    this.#bytes += event.bytes;
    if (this.events.length > 0 && this.#bytes > this.bounds.bytesMax) return false;
    this.events.push(event);
    return this.events.length < this.bounds.limit;
  }
}

/** Events of one stream beyond a revision. */
export async function readStream(
  { current, names, answerMs }: ReaderParts,
  stream: string,
  after: number,
  bounds: PageBounds,
): Promise<RecordedEvent[]> {
  if (bounds.limit < 1) return [];
  const name = names.toServer(stream);
  return current.ask('read', async (client) => {
    const page = new Page(bounds);
    const reading = client.readStream(name, {
      direction: 'forwards',
      fromRevision: BigInt(Math.max(after, -1) + 1),
      maxCount: bounds.limit,
    });
    await each(reading, answerMs, (record) => page.take(fromServer(record, stream)));
    return page.events;
  });
}

/** The last event of a stream, `undefined` when there is none. */
export async function readLast(
  { current, names, answerMs }: ReaderParts,
  stream: string,
): Promise<RecordedEvent | undefined> {
  const name = names.toServer(stream);
  const record = await current.ask('read', (client) => lastRecord(client, name, answerMs));
  return record && fromServer(record, stream);
}

/** The last event of a stream by the server's name, as the server has it. */
export async function lastRecord(
  client: ServerClient,
  name: string,
  answerMs: number,
): Promise<ServerRecord | undefined> {
  let last: ServerRecord | undefined;
  const options = { direction: 'backwards', fromRevision: 'end', maxCount: 1 } as const;
  await each(client.readStream(name, options), answerMs, (record) => {
    last = record;
    return false;
  });
  return last;
}

/** Events of the log beyond a position. The server begins with the event at that position. */
export async function readAll(
  { current, names, answerMs, origin }: ReaderParts,
  after: string,
  bounds: PageBounds,
): Promise<RecordedEvent[]> {
  const fromPosition = after === START ? origin : serverPositionOf(after);
  if (bounds.limit < 1) return [];
  return current.ask('read', async (client) => {
    const page = new Page(bounds);
    const reading = client.readAll({ direction: 'forwards', fromPosition });
    await each(reading, answerMs, (record) => {
      const stream = names.fromServer(record.streamId);
      if (stream === undefined) return true;
      const event = fromServer(record, stream);
      return event.position <= after || page.take(event);
    });
    return page.events;
  });
}

/** Id of the event that lies exactly at a position, `undefined` when there is none. */
export async function readId(parts: ReaderParts, position: string): Promise<string | undefined> {
  return (await recordAt(parts, position))?.id.toLowerCase();
}

/** The event of the log that lies exactly at a position, `undefined` when there is none. */
export async function readAt(
  parts: ReaderParts,
  position: string,
): Promise<RecordedEvent | undefined> {
  const record = await recordAt(parts, position);
  if (!record) return undefined;
  const stream = parts.names.fromServer(record.streamId);
  return stream === undefined ? undefined : fromServer(record, stream);
}

const recordAt = (
  { current, answerMs }: ReaderParts,
  position: string,
): Promise<ServerRecord | undefined> =>
  current.ask('read', async (client) => {
    let found: ServerRecord | undefined;
    const options = { direction: 'forwards', fromPosition: serverPositionOf(position) } as const;
    await each(client.readAll(options), answerMs, (record) => {
      if (record.position && positionOf(record.position) === position) found = record;
      return false;
    });
    return found;
  });
