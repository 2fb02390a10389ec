import type { EventData, RequestedCommand, SessionSource } from '@playhead/contract';
import type { FactMeta } from './decision.ts';

/** Sources whose sessions are reported by somebody else than Playhead. */
export type ReportedSource = Extract<SessionSource, 'cli-stream' | 'cli-upload' | 'import'>;

/** A participant as a start declares them; `index` follows from the list. */
export type DeclaredParticipant = Omit<EventData<'participant.joined'>, 'index' | 'inferred'>;

/**
 * Commands that report what has happened elsewhere: never refused for the state of the session,
 * and the same facts lead to the same session in whatever order they are reported.
 */
export type ReportedCommand =
  | {
      readonly type: 'report-start';
      readonly source: ReportedSource;
      readonly start: Omit<EventData<'session.started'>, 'source' | 'inferred'>;
      readonly participants: readonly DeclaredParticipant[];
    }
  | {
      readonly type: 'report-message';
      readonly source: ReportedSource;
      readonly message: EventData<'message.posted'>;
      /** Who wrote it, as far as the message tells; joined when nobody declared them. */
      readonly author: DeclaredParticipant;
    }
  | {
      readonly type: 'report-participant';
      readonly source: ReportedSource;
      readonly participant: DeclaredParticipant;
    }
  | {
      readonly type: 'report-name';
      readonly source: ReportedSource;
      readonly name: string;
    }
  | {
      readonly type: 'report-labels';
      readonly source: ReportedSource;
      readonly labels: Readonly<Record<string, string>>;
    }
  | {
      readonly type: 'report-tool-call';
      readonly source: ReportedSource;
      readonly call: EventData<'tool.called'>;
    }
  | {
      readonly type: 'report-tool-result';
      readonly source: ReportedSource;
      readonly output?: EventData<'tool.output'>;
      readonly finish: EventData<'tool.finished'>;
    }
  | {
      readonly type: 'report-note';
      readonly source: ReportedSource;
      readonly note: EventData<'session.noted'>;
    }
  | {
      readonly type: 'report-error';
      readonly source: ReportedSource;
      readonly error: EventData<'session.error-raised'>;
    }
  | {
      readonly type: 'report-end';
      readonly source: ReportedSource;
      readonly end: EventData<'session.ended'>;
    };

/**
 * A whole session that took place elsewhere, as reports in their order. It is taken only where
 * there is no such session yet, and all of it or nothing.
 */
export interface ReportSession {
  readonly type: 'report-session';
  readonly reports: readonly { readonly report: ReportedCommand; readonly meta: FactMeta }[];
}

/** Chunks of a message being written, gathered for a moment so that they share an event. */
export interface AppendChunks {
  readonly type: 'append-chunks';
  readonly messageId: string;
  readonly chunks: readonly { readonly index: number; readonly text: string }[];
}

/** What is asked for one by one; single chunks are gathered before they are decided. */
export type AskedCommand = Exclude<RequestedCommand, { type: 'message.append' }> | AppendChunks;

/** Everything that `decide` decides. */
export type SessionCommand = ReportedCommand | ReportSession | AskedCommand;
