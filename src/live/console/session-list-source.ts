import type { ConsoleFilter, SessionView } from '@playhead/contract';

/** How much of the list an open answers with. */
export interface ListLimits {
  readonly consoleSessionsMax: number;
  /** Bytes of the list as JSON, beyond its first session. */
  readonly consoleListBytesMax: number;
}

/** Sessions as they all were at one position of the log. */
export interface SessionListPage {
  readonly position: string;
  /** The newest activity first. */
  readonly sessions: readonly SessionView[];
  /** More sessions match than are here. */
  readonly more: boolean;
}

/**
 * The read model of sessions, as the console needs it. Each view is the fold of a session's events
 * up to its revision, `message.chunked` left out.
 */
export interface SessionListSource {
  /** `undefined` while the read model is being built for this log. */
  list(filter: ConsoleFilter, limits: ListLimits): Promise<SessionListPage | undefined>;
  /** Those that there are, each at whatever revision it has got to. */
  views(sessionIds: readonly string[]): Promise<ReadonlyMap<string, SessionView>>;
}
