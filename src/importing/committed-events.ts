import { sessionStream } from '@playhead/contract';
import { LogError, NO_STREAM, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import type { CommittedEvent } from './imported-entry.ts';

/** Bounds of one append, and of one read. */
export interface AppendBounds {
  readonly appendBytesMax: number;
  readonly commandsPerAppendMax: number;
  readonly readEventsMax: number;
  readonly readBytesMax: number;
}

interface Numbered {
  readonly line: number;
  readonly event: CommittedEvent;
}

/** JSON of an event beside its data and meta, at most. */
const ENVELOPE_BYTES = 1_024;

/**
 * Stores events again as they were committed: with their ids, revisions, times and actors. What a
 * session has already must be the same; it goes on from there.
 */
export class CommittedEvents {
  imported = 0;
  alreadyThere = 0;
  #sessionId = '';
  #revision = NO_STREAM;
  #bytes = 0;
  #batch: Numbered[] = [];
  /** A page of what the session has already. */
  #held: RecordedEvent[] = [];
  /** A session of which an event was refused: what follows it would have another revision. */
  #refused: string | undefined;

  constructor(
    private readonly log: EventLog,
    private readonly bounds: AppendBounds,
    private readonly fault: (line: number, reason: string) => void,
  ) {}

  /** Takes the next event of the file. Throws `LogError` when the log does not answer. */
  async take(line: number, event: CommittedEvent): Promise<void> {
    if (event.sessionId !== this.#sessionId) await this.#begin(event.sessionId);
    if (this.#refused === event.sessionId) {
      this.fault(line, 'an earlier event of the session was refused');
      return;
    }
    const next = this.#revision + this.#batch.length + 1;
    if (event.revision > next) {
      this.#refuse(line, `revision ${event.revision} follows ${next - 1}: events are missing`);
    } else if (event.revision <= this.#revision) {
      await this.#compare(line, event);
    } else if (event.revision < next) {
      this.#refuse(line, `revision ${event.revision} is in the file more than once`);
    } else {
      const bytes = JSON.stringify([event.data, event.meta]).length + ENVELOPE_BYTES;
      const { appendBytesMax, commandsPerAppendMax } = this.bounds;
      const isFull = this.#batch.length >= commandsPerAppendMax;
      if (isFull || (this.#batch.length > 0 && this.#bytes + bytes > appendBytesMax)) {
        await this.#append();
        if (this.#refused === event.sessionId) return;
      }
      this.#batch.push({ line, event });
      this.#bytes += bytes;
    }
  }

  /** Stores what still waits. */
  async finish(): Promise<void> {
    await this.#append();
  }

  async #begin(sessionId: string): Promise<void> {
    await this.#append();
    this.#sessionId = sessionId;
    this.#held = [];
    this.#refused = undefined;
    const last = await this.log.last(sessionStream(sessionId));
    this.#revision = last?.revision ?? NO_STREAM;
  }

  async #compare(line: number, event: CommittedEvent): Promise<void> {
    const isRead = (held: RecordedEvent): boolean => held.revision === event.revision;
    let held = this.#held.find(isRead);
    if (!held) {
      const after = event.revision - 1;
      const { readEventsMax: limit, readBytesMax: bytesMax } = this.bounds;
      const stream = sessionStream(event.sessionId);
      this.#held = await this.log.read(stream, { after, limit, bytesMax });
      held = this.#held.find(isRead);
    }
    if (held?.id === event.id) this.alreadyThere += 1;
    else this.#refuse(line, `the session has another event at revision ${event.revision}`);
  }

  #refuse(line: number, reason: string): void {
    this.fault(line, reason);
    this.#refused = this.#sessionId;
  }

  async #append(): Promise<void> {
    const batch = this.#batch;
    const [first] = batch;
    if (!first) return;
    [this.#batch, this.#bytes] = [[], 0];
    try {
      await this.log.append({
        stream: sessionStream(this.#sessionId),
        expected: this.#revision,
        events: batch.map(({ event: { id, type, v, data, meta } }) => ({
          id,
          type,
          v,
          data,
          meta,
        })),
      });
      this.#revision += batch.length;
      this.imported += batch.length;
    } catch (failure) {
      if (!(failure instanceof LogError) || failure.code === 'unavailable') throw failure;
      const reason =
        failure.code === 'conflict' ? 'somebody else writes to the session' : failure.message;
      for (const { line } of batch) this.fault(line, reason);
      this.#refused = this.#sessionId;
    }
  }
}
