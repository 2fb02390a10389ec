import { createHash } from 'node:crypto';
import { asStored, START, type EventLog, type RecordedEvent } from '../log/event-log.ts';

/** The last event of a stream. */
export interface StreamEnd {
  readonly revision: number;
  readonly id: string;
}

/** What a log holds up to a position. */
export interface LogDigest {
  readonly events: number;
  readonly streams: ReadonlyMap<string, StreamEnd>;
  /**
   * 64 hex digits over stream, revision, id, type, version, data and meta of every event as it was
   * stored. Equal for two logs that hold the same, in whatever order their streams were mixed.
   */
  readonly digest: string;
  /** Position of the last event that was seen. */
  readonly through: string;
}

/**
 * All events of a log in order and as they were stored, up to a position when there is one, page by
 * page.
 */
export async function* allPages(
  log: EventLog,
  limit: number,
  through?: string,
): AsyncGenerator<readonly RecordedEvent[]> {
  for (let after = START; through === undefined || after < through;) {
    const page = await log.readAll({ after, limit });
    const last = page.at(-1);
    if (!last) return;
    after = last.position;
    const isBeyond = through !== undefined && after > through;
    const wanted = isBeyond ? page.filter(({ position }) => position <= through) : page;
    yield wanted.map(asStored);
  }
}

/**
 * Reads a whole log, `limit` events at a time; `onEvents` is called with how many there were so
 * far.
 */
export async function digestLog(
  log: EventLog,
  limit: number,
  onEvents: (count: number) => void = () => undefined,
): Promise<LogDigest> {
  const streams = new Map<string, StreamEnd>();
  let [events, sum, through] = [0, 0n, START];
  for await (const page of allPages(log, limit)) {
    for (const event of page) {
      sum += hashOf(event);
      streams.set(event.stream, { revision: event.revision, id: event.id });
      through = event.position;
    }
    events += page.length;
    onEvents(events);
  }
  const digest = BigInt.asUintN(256, sum).toString(16).padStart(64, '0');
  return { events, streams, digest, through };
}

function hashOf({ stream, revision, id, type, v, data, meta }: RecordedEvent): bigint {
  const text = JSON.stringify([stream, revision, id, type, v, data, meta]);
  return BigInt(`0x${createHash('sha256').update(text).digest('hex')}`);
}
