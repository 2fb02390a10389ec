import type { Refusal, SessionFrame, SessionOpened } from '@playhead/contract';

/** Viewers that one call reaches, such as a room of a socket server. */
export interface SessionAudience {
  /** Sends a frame to every viewer that has joined its session. */
  broadcast(frame: SessionFrame): void;
}

/**
 * A viewer of one session on one connection, as a subscription sees it. All calls but `denied` and
 * `whenDrained` act at once and in order; none throws, also when the connection is gone.
 */
export interface SessionViewer {
  readonly audience: SessionAudience;
  /** Asked at each open: why it may not see the session now, `undefined` when it may. */
  denied(): Promise<Refusal | undefined>;
  /**
   * Runs one piece of work at a time for the whole connection, when what was sent before has left
   * it: how a replay waits for a slow reader. Rejects as the work does.
   */
  whenDrained(work: () => Promise<void> | void): Promise<void>;
  /** Answers the open; frames follow. */
  opened(opened: SessionOpened): void;
  /** Answers the open: there will be no frames. */
  refused(refusal: Refusal): void;
  send(frame: SessionFrame): void;
  /** From now on the audience's broadcasts of the session reach this viewer. */
  join(): void;
  /**
   * It was too slow for a broadcast: none reaches it before the next `join`. `revision` is the last
   * one sent; what follows is sent in turn.
   */
  behind(revision: number): void;
  /** Called once after the last `join`, also for a viewer that is behind. */
  leave(): void;
  /** Whether as many more bytes may wait for the connection. */
  hasRoomFor(bytes: number): boolean;
  /** The subscription was ended by the service; `revision` is the last one sent. */
  closed(refusal: Refusal, revision: number): void;
}
