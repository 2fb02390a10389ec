import { setTimeout as sleep } from 'node:timers/promises';
import { CommandRefused, type CommandHandler } from '../commands/command-handler.ts';
import { LogError, type EventLog } from '../log/event-log.ts';
import type { AttachmentStore } from '../attachments/attachment-store.ts';
import { boundEntry, type EntryBounds } from './bound-entry.ts';
import { formats } from './formats.ts';
import { idOfText, type ImportedEntry, type ImportedReport } from './imported-entry.ts';
import { CommittedEvents, type AppendBounds } from './committed-events.ts';
import type { LineBounds } from './lines.ts';
import { openFile } from './read-file.ts';

/** Bounds of one import. */
export interface ImportLimits extends LineBounds, EntryBounds, AppendBounds {
  /** Entries, and their bytes, that wait to be stored. */
  readonly importEntriesInFlight: number;
  readonly importBytesInFlight: number;
  /** Lines that could not be read, and sessions, that are named; more are counted. */
  readonly importFaultsMax: number;
  readonly importSessionsListedMax: number;
}

/** A file, and who brings it. */
export interface ImportRequest {
  /** The file's name without folders. */
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array>;
  readonly actor: string;
  /** Labels for each session that the file has something of. */
  readonly labels: Readonly<Record<string, string>>;
  /** Reads all and stores nothing. */
  readonly isDryRun: boolean;
  /** Whether events may be stored as another log committed them, with their times and actors. */
  readonly mayRestore: boolean;
}

/** How far an import is. */
export interface ImportProgress {
  /** Of the file, up to the end of the last line read. */
  readonly bytes: number;
  readonly entries: number;
  readonly imported: number;
}

/** What became of a file. */
export interface ImportResult {
  readonly name: string;
  readonly format: string;
  /** What the file said that has a place in a session, */
  readonly entries: number;
  /** what of it was new (in a dry run nothing is stored and this is 0), */
  readonly imported: number;
  /** and what was there already. */
  readonly alreadyThere: number;
  readonly sessions: number;
  readonly sessionIds: readonly string[];
  readonly unreadable: number;
  readonly faults: readonly { readonly line: number; readonly reason: string }[];
}

const RETRY_MS = 200;

/**
 * Takes files with whole sessions and stores what they say through the write path, entry by entry:
 * what is there already changes nothing, so an import that broke off is simply made again.
 */
export class Importer {
  constructor(
    private readonly commands: CommandHandler,
    private readonly log: EventLog,
    private readonly attachments: Pick<AttachmentStore, 'put'>,
    private readonly limits: ImportLimits,
  ) {}

  /**
   * Imports one file and resolves once all of it is durable. Throws `UnknownFormat` (nothing
   * stored), `LogError` when the log does not answer (then part of it is stored), or what reading
   * the file throws.
   */
  async take(
    request: ImportRequest,
    onProgress: (progress: ImportProgress) => void = () => undefined,
  ): Promise<ImportResult> {
    const file = await openFile(request.content, request, formats, this.limits);
    const run = new Run(this.commands, this.log, this.attachments, this.limits, request);
    for await (const { line, bytes, read } of file.entries) {
      if ('unreadable' in read) run.fault(line, read.unreadable);
      else if ('committed' in read) await run.restore(line, read.committed);
      else await run.store(line, read);
      onProgress({ bytes, ...run.counts });
    }
    await run.finish();
    return { name: request.name, format: file.format, ...run.result };
  }
}

class Run {
  #entries = 0;
  #imported = 0;
  #alreadyThere = 0;
  #unreadable = 0;
  #bytesInFlight = 0;
  #failure: { reason: unknown } | undefined;
  readonly #faults: { line: number; reason: string }[] = [];
  readonly #sessions = new Set<string>();
  readonly #inFlight = new Set<Promise<void>>();
  readonly #committed: CommittedEvents;

  constructor(
    private readonly commands: CommandHandler,
    log: EventLog,
    private readonly attachments: Pick<AttachmentStore, 'put'>,
    private readonly limits: ImportLimits,
    private readonly request: ImportRequest,
  ) {
    this.#committed = new CommittedEvents(log, limits, (line, reason) => this.fault(line, reason));
  }

  get counts() {
    const imported = this.#imported + this.#committed.imported;
    return { entries: this.#entries, imported };
  }

  get result() {
    return {
      ...this.counts,
      alreadyThere: this.#alreadyThere + this.#committed.alreadyThere,
      sessions: this.#sessions.size,
      sessionIds: [...this.#sessions].slice(0, this.limits.importSessionsListedMax),
      unreadable: this.#unreadable,
      faults: this.#faults,
    };
  }

  fault(line: number, reason: string): void {
    this.#unreadable += 1;
    if (this.#faults.length < this.limits.importFaultsMax) this.#faults.push({ line, reason });
  }

  async restore(line: number, event: Parameters<CommittedEvents['take']>[1]): Promise<void> {
    if (!this.request.mayRestore) {
      const why =
        'it keeps times, actors and ids of another log, which takes a key with scope admin';
      this.fault(line, why);
      return;
    }
    this.#entries += 1;
    this.#sessions.add(event.sessionId);
    if (!this.request.isDryRun) await this.#committed.take(line, event);
  }

  async store(line: number, entry: ImportedEntry): Promise<void> {
    this.#entries += 1;
    const isNew = !this.#sessions.has(entry.sessionId);
    this.#sessions.add(entry.sessionId);
    if (this.request.isDryRun) return;
    const { labels } = this.request;
    for (const bounded of await boundEntry(entry, this.attachments, this.limits)) {
      await this.#send(line, bounded);
    }
    // Nothing that the file says: it is not counted.
    if (isNew && Object.keys(labels).length > 0) {
      await this.#send(line, labelled(entry, labels), false);
    }
  }

  async finish(): Promise<void> {
    await Promise.all(this.#inFlight);
    if (this.#failure) throw this.#failure.reason;
    await this.#committed.finish();
  }

  /** Entries go into the session's queue in their order and share appends there. */
  async #send(line: number, entry: ImportedEntry, isCounted = true): Promise<void> {
    const bytes = JSON.stringify(entry.report).length;
    const { importEntriesInFlight, importBytesInFlight } = this.limits;
    while (
      this.#inFlight.size >= importEntriesInFlight ||
      (this.#bytesInFlight + bytes > importBytesInFlight && this.#inFlight.size > 0)
    ) {
      await Promise.race(this.#inFlight);
    }
    if (this.#failure) throw this.#failure.reason;
    this.#bytesInFlight += bytes;
    const sending = this.#handle(line, entry, bytes, isCounted)
      .catch((reason: unknown) => void (this.#failure ??= { reason }))
      .finally(() => {
        this.#inFlight.delete(sending);
        this.#bytesInFlight -= bytes;
      });
    this.#inFlight.add(sending);
  }

  async #handle(
    line: number,
    entry: ImportedEntry,
    bytes: number,
    isCounted: boolean,
  ): Promise<void> {
    const { sessionId, commandId, report, occurredAt } = entry;
    for (;;) {
      try {
        const outcome = await this.commands.handle({
          ...{ id: commandId, sessionId, actor: this.request.actor, occurredAt, bytes },
          command: { ...report, source: 'import' },
        });
        const other = outcome.keptFirst ? withOtherId(entry) : undefined;
        if (other) return await this.#handle(line, other, bytes, isCounted);
        if (!isCounted) return;
        if (outcome.appended) this.#imported += 1;
        else this.#alreadyThere += 1;
        return;
      } catch (failure) {
        const { code } = failure as { code?: string };
        const isKnown = failure instanceof CommandRefused || failure instanceof LogError;
        if (!isKnown || code === 'unavailable' || code === 'shutting-down') throw failure;
        if (code !== 'overloaded' && code !== 'conflict') {
          this.fault(line, failure.message);
          return;
        }
        await sleep(RETRY_MS);
      }
    }
  }
}

const labelled = (
  { sessionId }: ImportedEntry,
  labels: Readonly<Record<string, string>>,
): ImportedEntry => ({
  sessionId,
  commandId: idOfText(JSON.stringify([sessionId, 'labels', labels])),
  report: { type: 'report-labels', labels },
});

/**
 * Another message has this id, as where the same row was written once as an echo and once for good:
 * the second is kept beside it. The same one again has the same id again.
 */
function withOtherId(entry: ImportedEntry): ImportedEntry | undefined {
  const { report } = entry;
  if (report.type !== 'report-message') return undefined;
  const { messageId, content, extra } = report.message;
  const other = idOfText(JSON.stringify([entry.sessionId, messageId, content]));
  if (other === messageId) return undefined;
  const message = { ...report.message, messageId: other, extra: { ...extra, sameIdAs: messageId } };
  const commandId = idOfText(`${entry.commandId} ${other}`);
  return { ...entry, commandId, report: { ...report, message } satisfies ImportedReport };
}
