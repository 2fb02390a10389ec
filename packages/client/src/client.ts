import { refuse } from '@playhead/contract';
import { Commands } from './commands.ts';
import { Link } from './link.ts';
import { Session } from './session.ts';

/** Where the service is, and a key with the scope `read`, and `write` for commands. */
export interface ConnectOptions {
  readonly url: string;
  readonly token: string;
}

/** Where the events of a session are to begin; without it: with the first after the view. */
export interface OpenOptions {
  /** The revision of the last event that is not wanted; -1: from the first event on. */
  readonly after?: number;
  /** The id of that event: with it, a log that has another one there is noticed. */
  readonly afterId?: string;
}

/** A connection to a service; it comes back for ever, unless the key is refused. */
export interface Client {
  /**
   * Follows a session. Throws when the client has it open already: share the session instead, its
   * `events` can be iterated any number of times.
   */
  openSession(id: string, options?: OpenOptions): Session;
  /** Closes all sessions; commands that are not answered yet are refused with `unavailable`. */
  close(): void;
}

/** Connects to a service. What is asked for meanwhile waits until the connection stands. */
export function connect({ url, token }: ConnectOptions): Client {
  const link = new Link(url, token);
  const commands = new Commands(link);
  const sessions = new Map<string, Session>();
  return {
    openSession(id, { after, afterId } = {}) {
      if ((sessions.get(id)?.status ?? 'closed') !== 'closed') {
        throw new Error(`the session ${id} is open already`);
      }
      const origin =
        after === undefined ? undefined : { revision: after, eventId: afterId ?? null };
      const session = new Session(id, link, commands, origin);
      sessions.set(id, session);
      return session;
    },
    close() {
      for (const session of sessions.values()) session.close();
      link.close(refuse('unavailable', 'the client was closed'));
    },
  };
}
