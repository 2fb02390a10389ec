import { NO_STREAM, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import { allPages, digestLog, type LogDigest } from './log-digest.ts';

/** How far a copy is. */
export interface CopyProgress {
  readonly step: 'counting' | 'looking' | 'copying' | 'comparing';
  readonly events: number;
  /** Events that this step goes through, as far as that is known. */
  readonly of?: number;
}

/** Bounds of a copy, in events and bytes, and who is notified of how far it is. */
export interface CopyOptions {
  /** Events read at once. */
  readonly readEventsMax: number;
  /** Data and meta of one append. */
  readonly appendBytesMax: number;
  readonly onProgress?: (progress: CopyProgress) => void;
}

/** What a copy came to; both logs hold this, event for event. */
export interface Copied {
  readonly events: number;
  readonly streams: number;
  readonly digest: string;
  /** Events that were not there before. */
  readonly copied: number;
  /** The source has grown since: a further copy takes what is missing. */
  readonly isBehind: boolean;
}

/** The logs do not go together; says where they differ. */
export class CannotCopy extends Error {}

/**
 * Copies all that `from` holds now into `to`, with the same ids, revisions and times; positions are
 * of each log's own. What a copy that was broken off has left there stays and is gone on from.
 * Events of different streams that lie close together may change places. Throws `CannotCopy` when
 * `to` holds anything else, before anything is written where that can be known before.
 */
export async function copyLog(
  from: EventLog,
  to: EventLog,
  { readEventsMax, appendBytesMax, onProgress = () => undefined }: CopyOptions,
): Promise<Copied> {
  const tell = (step: CopyProgress['step'], of?: number) => (events: number) =>
    onProgress({ step, events, ...(of !== undefined && { of }) });
  const source = await digestLog(from, readEventsMax, tell('counting'));
  const { events, digest, through } = source;
  const before = await digestLog(to, readEventsMax, tell('looking', events));
  refuseOthers(source, before);
  let done = 0;
  for await (const page of allPages(from, readEventsMax, through)) {
    const missing = page.filter((event) => isMissing(before, event));
    const lines = [...byStream(missing)].map((line) => appendAll(to, line, appendBytesMax));
    // Whoever goes on after a failure must find nothing under way.
    const failed = (await Promise.allSettled(lines)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    tell('copying', events)((done += page.length));
  }
  const after = await digestLog(to, readEventsMax, tell('comparing', events));
  if (after.events !== events || after.digest !== digest) {
    throw new CannotCopy(
      `the logs differ: ${events} events with digest ${digest} against ` +
        `${after.events} with ${after.digest}`,
    );
  }
  const copied = events - before.events;
  const isBehind = (await from.head()) > through;
  return { events, streams: source.streams.size, digest, copied, isBehind };
}

/** Somebody else has written to the log that is copied to. */
function refuseOthers(source: LogDigest, before: LogDigest): void {
  for (const [stream, { revision }] of before.streams) {
    const end = source.streams.get(stream);
    if (end && end.revision >= revision) continue;
    const there = end ? `ends at revision ${end.revision}, not ${revision}` : 'does not exist';
    throw new CannotCopy(`${stream} ${there} in the log that is copied`);
  }
}

function isMissing({ streams }: LogDigest, { stream, revision, id }: RecordedEvent): boolean {
  const end = streams.get(stream);
  if (!end || revision > end.revision) return true;
  if (revision < end.revision || id === end.id) return false;
  throw new CannotCopy(`${stream} holds another event at revision ${revision}`);
}

function byStream(events: readonly RecordedEvent[]): Iterable<readonly RecordedEvent[]> {
  const lines = new Map<string, RecordedEvent[]>();
  for (const event of events) {
    const line = lines.get(event.stream);
    if (line) line.push(event);
    else lines.set(event.stream, [event]);
  }
  return lines.values();
}

/** The exact revision makes it safe to append once more what is there already. */
async function appendAll(
  log: EventLog,
  line: readonly RecordedEvent[],
  bytesMax: number,
): Promise<void> {
  for (let at = 0; at < line.length;) {
    let end = at;
    for (let bytes = 0; end < line.length; end += 1) {
      bytes += line[end]!.bytes;
      if (end > at && bytes > bytesMax) break;
    }
    const events = line.slice(at, end);
    const [{ stream, revision } = { stream: '', revision: 0 }] = events;
    const expected = revision === 0 ? NO_STREAM : revision - 1;
    await log.append({ stream, expected, events });
    at = end;
  }
}
