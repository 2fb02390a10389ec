import {
  refuse,
  type CommandAnswer,
  type CommandInput,
  type CommandType,
  type ConsoleFilter,
} from '@playhead/contract';
import { CommandQueue } from './commands/command-queue.ts';
import { Console } from './console/console.ts';
import { type ConnectionLease, Connection } from './connection.ts';
import { SharedSession, type SessionSnapshot } from './session/session-subscription.ts';
import { Session } from './session/session.ts';
import { TokenSource, type Token } from './token-source.ts';
import { ReferenceCounted } from './reference-counted.ts';
import { ConsoleSubscription, type ConsoleSnapshot } from './console/console-subscription.ts';
import type { ConsoleRequest } from './console/state.ts';

/** Where the service is, and how to be let in. */
export interface ConnectOptions {
  readonly url: string;
  /**
   * A key with the scope `read`, and `write` for commands; or a function that answers one. The
   * function is called before the first connection and again whenever the service refuses its key,
   * because it was revoked or ran out. When the function fails, it is called again after a pause.
   * When it answers a key that was refused already, the client tries that key a few times
   * (`limits.tokenTriesMax`) and then closes with the refusal.
   */
  readonly token: Token;
}

/** Where the events of a session begin; without `after`: with the first after the view. */
export interface OpenOptions {
  /** The revision of the last event that is left out; -1: from the first event on. */
  readonly after?: number;
  /** The id of that event. With it, the client notices a log that has another event there. */
  readonly afterId?: string;
}

/** What a list delivers beside its sessions. */
export interface ConsoleOptions {
  /** Also the events of the sessions in the list. */
  readonly events?: boolean;
}

/** A connection to a service. It reconnects for ever, unless its key is refused for good. */
export interface Client {
  /**
   * Subscribes to a session until the handle is closed. Handles of the same session with the same
   * options share one subscription, which ends when all of them are closed.
   */
  openSession(id: string, options?: OpenOptions): Session;
  /** Subscribes to the list of sessions, all or those that match; shared in the same way. */
  openConsole(filter?: ConsoleFilter, options?: ConsoleOptions): Console;
  /** The snapshot of a session that is open already; undefined when it is not. Opens nothing. */
  sessionSnapshot(id: string): SessionSnapshot | undefined;
  /** The snapshot of a list that is open already; undefined when it is not. Opens nothing. */
  consoleSnapshot(filter?: ConsoleFilter): ConsoleSnapshot | undefined;
  /**
   * Sends a command, as `Session.command` does; the session need not be open. Without a session's
   * id, `session.start` makes a session.
   */
  command<Type extends CommandType>(
    type: Type,
    data: CommandInput<Type>,
    sessionId?: string,
  ): Promise<CommandAnswer>;
  /** Closes everything. Commands that are not answered yet are rejected with `unavailable`. */
  close(): void;
}

const sessionKey = (id: string, { after, afterId }: OpenOptions = {}): string =>
  JSON.stringify([id, after, afterId]);

const consoleKey = (request: ConsoleRequest): string =>
  JSON.stringify([request.filter, request.events]);

/** Connects to a service. Returns at once: opens and commands wait until it is connected. */
export function connect({ url, token }: ConnectOptions): Client {
  const tokens = new TokenSource(token);
  const connection = new Connection(url, tokens);
  const commands = new CommandQueue(connection);
  const sessions = new ReferenceCounted<SharedSession>();
  const consoles = new ReferenceCounted<ConsoleSubscription>();
  const leaseBeside = (others: readonly { readonly lease: ConnectionLease }[]): ConnectionLease => {
    const isOwn = !connection.refusal && others.some(({ lease }) => !lease.isOwn);
    return { connection: isOwn ? new Connection(url, tokens) : connection, isOwn };
  };
  return {
    openSession(id, options = {}) {
      const { thing, release } = sessions.acquire(sessionKey(id, options), () => {
        const { after, afterId } = options;
        const lease = leaseBeside(sessions.all.filter((opened) => opened.id === id));
        const origin =
          after === undefined ? undefined : { revision: after, eventId: afterId ?? null };
        return new SharedSession(id, lease, origin);
      });
      return new Session(thing, commands, release);
    },
    openConsole(filter = {}, { events = false } = {}) {
      const request = { filter, events };
      const { thing, release } = consoles.acquire(
        consoleKey(request),
        () => new ConsoleSubscription(leaseBeside(consoles.all), request),
      );
      return new Console(thing, release);
    },
    sessionSnapshot: (id) => sessions.get(sessionKey(id))?.store.snapshot,
    consoleSnapshot: (filter = {}) =>
      consoles.get(consoleKey({ filter, events: false }))?.store.snapshot,
    command(type, data, sessionId) {
      return commands.enqueue({ type, data, ...(sessionId !== undefined && { sessionId }) });
    },
    close() {
      for (const open of [...sessions.all, ...consoles.all]) open.end();
      connection.close(refuse('unavailable', 'the client was closed'));
    },
  };
}
