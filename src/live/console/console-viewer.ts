import type { ConsoleFrame, ConsoleOpened, Refusal } from '@playhead/contract';

/** Consoles that one call reaches, such as the rooms of a socket server. */
export interface ConsoleAudience {
  /** Sends a frame to every console that has joined a room. */
  broadcast(room: string, frame: ConsoleFrame): void;
}

/**
 * A viewer of the list of sessions, as a subscription sees it. All calls but `denied` and
 * `whenDrained` act at once and in order; none throws, also when the connection is gone.
 */
export interface ConsoleViewer {
  readonly audience: ConsoleAudience;
  /** Asked at each open: why it may not see sessions now, `undefined` when it may. */
  denied(): Promise<Refusal | undefined>;
  /** Runs one piece of work at a time, when what was sent before has left; rejects as it does. */
  whenDrained(work: () => Promise<void> | void): Promise<void>;
  /** Answers the open; frames follow. */
  opened(opened: ConsoleOpened): void;
  /** Answers the open: there will be no frames. */
  refused(refusal: Refusal): void;
  send(frame: ConsoleFrame): void;
  /** From now on the audience's broadcasts to the room reach this viewer. */
  join(room: string): void;
  /**
   * It was too slow for a broadcast: it leaves the room. `position` is the last one sent; what
   * follows is sent in turn, until it joins again.
   */
  behind(room: string, position: string): void;
  leave(room: string): void;
  /** Whether as many more bytes may wait for the connection. */
  hasRoomFor(bytes: number): boolean;
  /** The delivery was ended by the service; `position` is the last one sent. */
  closed(refusal: Refusal, position: string): void;
}
