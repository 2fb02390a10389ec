import {
  refuse,
  type CommandAnswer,
  type CommandInput,
  type CommandType,
  type ConsoleFilter,
} from '@playhead/contract';
import { Commands } from './commands.ts';
import { Console } from './console.ts';
import type { Line } from './line.ts';
import { Link } from './link.ts';
import { Opened, type SessionSnapshot } from './opened.ts';
import { Session } from './session.ts';
import { Shared } from './shared.ts';
import { Watched, type ConsoleSnapshot } from './watched.ts';
import type { Wanted } from './watching/watching.ts';

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

/** What a list is to tell beside the sessions in it. */
export interface ConsoleOptions {
  /** The events of the sessions in it, too. */
  readonly events?: boolean;
}

/** A connection to a service; it comes back for ever, unless the key is refused. */
export interface Client {
  /**
   * Follows a session, until the answer is closed. Whoever opens it likewise shares what is
   * followed; it ends when all have closed theirs.
   */
  openSession(id: string, options?: OpenOptions): Session;
  /** Watches the list of sessions, all or those that the filter lets in; shared in the same way. */
  openConsole(filter?: ConsoleFilter, options?: ConsoleOptions): Console;
  /** What is known of a session that somebody has open, from the view on; opens nothing. */
  sessionSnapshot(id: string): SessionSnapshot | undefined;
  /** What is known of a list that somebody has open; opens nothing. */
  consoleSnapshot(filter?: ConsoleFilter): ConsoleSnapshot | undefined;
  /**
   * Asks for something, as `Session.command` does, whether or not the session is open. Without a
   * session's id `session.start` makes one.
   */
  command<Type extends CommandType>(
    type: Type,
    data: CommandInput<Type>,
    sessionId?: string,
  ): Promise<CommandAnswer>;
  /** Closes everything; commands that are not answered yet are refused with `unavailable`. */
  close(): void;
}

const sessionKey = (id: string, { after, afterId }: OpenOptions = {}): string =>
  JSON.stringify([id, after, afterId]);

const consoleKey = (wanted: Wanted): string => JSON.stringify([wanted.filter, wanted.events]);

/** Connects to a service. What is asked for meanwhile waits until the connection stands. */
export function connect({ url, token }: ConnectOptions): Client {
  const link = new Link(url, token);
  const commands = new Commands(link);
  const sessions = new Shared<Opened>();
  const consoles = new Shared<Watched>();
  const lineBeside = (others: readonly { readonly line: Line }[]): Line => {
    const isOwn = !link.refusal && others.some(({ line }) => !line.isOwn);
    return { link: isOwn ? new Link(url, token) : link, isOwn };
  };
  return {
    openSession(id, options = {}) {
      const { thing, release } = sessions.hold(sessionKey(id, options), () => {
        const { after, afterId } = options;
        const line = lineBeside(sessions.all.filter((opened) => opened.id === id));
        const origin =
          after === undefined ? undefined : { revision: after, eventId: afterId ?? null };
        return new Opened(id, line, origin);
      });
      return new Session(thing, commands, release);
    },
    openConsole(filter = {}, { events = false } = {}) {
      const wanted = { filter, events };
      const { thing, release } = consoles.hold(
        consoleKey(wanted),
        () => new Watched(lineBeside(consoles.all), wanted),
      );
      return new Console(thing, release);
    },
    sessionSnapshot: (id) => sessions.get(sessionKey(id))?.observed.snapshot,
    consoleSnapshot: (filter = {}) =>
      consoles.get(consoleKey({ filter, events: false }))?.observed.snapshot,
    command(type, data, sessionId) {
      return commands.ask({ type, data, ...(sessionId !== undefined && { sessionId }) });
    },
    close() {
      for (const open of [...sessions.all, ...consoles.all]) open.end();
      link.close(refuse('unavailable', 'the client was closed'));
    },
  };
}
