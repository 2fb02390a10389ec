import * as z from 'zod';
import { commandTypes, type CommandType } from './commands.ts';
import type {
  ConsoleBehind,
  ConsoleClosed,
  ConsoleFrame,
  ConsoleOpen,
  ConsoleOpened,
  SessionPresence,
  SessionSignal,
  Signal,
} from './console.ts';
import { sessionEvent, type SessionEvent } from './envelope.ts';
import { instant } from './events/common.ts';
import type { Refusal } from './errors.ts';
import { id } from './ids.ts';
import { refusal } from './refusal.ts';
import type { OpenView } from './views/open-view.ts';

/** No stream gets further; stores count revisions in 32 bits. */
const REVISION_MAX = 2 ** 31 - 1;

/**
 * Opens a session. Without `after`: a view, then what follows it. With `after`: every event of a
 * greater revision (-1: from the first; 0 skips revision 0). `afterId` is the id of the event at
 * `after`: the server checks it, so that a restored log never answers an old cursor.
 *
 * With `at`: the view as it was after the event of that revision, or at a time after the last event
 * accepted by then. Nothing follows, and what the socket has open of the session stays open.
 */
export const sessionOpen = z
  .strictObject({
    sessionId: id,
    after: z.number().int().min(-1).optional(),
    afterId: z.uuid().optional(),
    at: z.union([z.number().int().min(0).max(REVISION_MAX), instant]).optional(),
  })
  .refine((open) => open.at === undefined || open.after === undefined, {
    path: ['at'],
    message: 'goes without `after`',
  })
  .refine((open) => open.afterId === undefined || (open.after ?? -1) >= 0, {
    path: ['afterId'],
    message: 'needs `after` of at least 0',
  });
export type SessionOpen = z.infer<typeof sessionOpen>;

/** Asks for no more events of a session. */
export const sessionClose = z.strictObject({ sessionId: id });
export type SessionClose = z.infer<typeof sessionClose>;

/** The answer to `session:open`: the cursor from which frames go on, with the view at it. */
export interface SessionOpened {
  readonly ok: true;
  readonly sessionId: string;
  /** -1 before the first event. */
  readonly revision: number;
  /** Id of the event at `revision`, null before the first. */
  readonly eventId: string | null;
  readonly epoch: string;
  readonly view?: OpenView;
}

/**
 * Events of a session in order. A frame covers revisions `from` to `through`; the next one's
 * `from` is `through + 1`. Gaps are judged by these two, never by `events`, which may be filtered.
 * `caughtUp` marks the end of the replay; such a frame may cover nothing (`through = from - 1`).
 */
export interface SessionFrame {
  readonly sessionId: string;
  readonly from: number;
  readonly through: number;
  readonly events: readonly SessionEvent[];
  readonly caughtUp?: true;
}

export const sessionFrame = z.object({
  sessionId: z.string(),
  from: z.number().int().nonnegative(),
  through: z.number().int().min(-1),
  events: z.array(sessionEvent),
  caughtUp: z.literal(true).optional(),
});

/** The server ended the delivery of a session; re-open from `revision`, the last one sent. */
export const sessionClosed = refusal.extend({
  sessionId: z.string(),
  revision: z.number().int().min(-1),
});
export type SessionClosed = z.infer<typeof sessionClosed>;

/**
 * More waited for the socket than may: nothing is pushed any more beyond `revision`. What comes
 * next is read from the log, as fast as it is taken, without a gap; `caughtUp` marks the end.
 */
export const sessionBehind = z.object({
  sessionId: z.string(),
  revision: z.number().int().min(-1),
});
export type SessionBehind = z.infer<typeof sessionBehind>;

/** The node stops: its sockets are closed. Each gets another time to come back after. */
export const leaving = z.object({ afterMs: z.number().int().nonnegative() });
export type Leaving = z.infer<typeof leaving>;

/**
 * A command. `id` makes a retry harmless: the same id again, with the same content, is the same
 * command. Only `session.start` may leave out `sessionId`: the service makes one. `expected` is the
 * revision that the session must be at.
 */
export const socketCommand = z.strictObject({
  id: z.string().min(1).max(200),
  sessionId: id.optional(),
  type: z.enum(Object.keys(commandTypes) as [CommandType, ...CommandType[]]),
  data: z.unknown(),
  expected: z.number().int().min(-1).optional(),
});
export type SocketCommand = z.infer<typeof socketCommand>;

/** What a command led to, over HTTP and on the socket alike. */
export interface CommandAnswer {
  readonly sessionId: string;
  /** Of the command's last event, or of the session when there was nothing new in it. */
  readonly revision: number;
  readonly position: string;
  /** False for a repeated command and for one that had nothing new. */
  readonly appended: boolean;
  /** The message or tool call that the command is about. */
  readonly messageId?: string;
  readonly callId?: string;
}

/** A command's answer on the socket. */
export type CommandDone = CommandAnswer & { readonly ok: true };

/** How a request on the socket failed. */
export type Refused = Refusal & { readonly ok: false };

/** What a client may send, as a Socket.IO event map; each is answered by its acknowledgement. */
export interface ClientToServer {
  'session:open': (open: SessionOpen, ack: (answer: SessionOpened | Refused) => void) => void;
  command: (command: SocketCommand, ack: (answer: CommandDone | Refused) => void) => void;
  'session:close': (close: SessionClose, ack: (answer: { ok: true } | Refused) => void) => void;
  'console:open': (open: ConsoleOpen, ack: (answer: ConsoleOpened | Refused) => void) => void;
  'console:close': (close: object, ack: (answer: { ok: true } | Refused) => void) => void;
  signal: (signal: Signal, ack: (answer: { ok: true } | Refused) => void) => void;
}

/** What the service sends, as a Socket.IO event map. */
export interface ServerToClient {
  'session:events': (frame: SessionFrame) => void;
  'session:closed': (closed: SessionClosed) => void;
  'session:behind': (behind: SessionBehind) => void;
  'session:signal': (signal: SessionSignal) => void;
  'session:presence': (presence: SessionPresence) => void;
  'console:events': (frame: ConsoleFrame) => void;
  'console:closed': (closed: ConsoleClosed) => void;
  'console:behind': (behind: ConsoleBehind) => void;
  leaving: (leaving: Leaving) => void;
  /** A request that came without an acknowledgement function was refused. */
  refused: (refusal: Refusal & { readonly event: string }) => void;
}

/** The Socket.IO room that a session's events go to. */
export const sessionRoom = (sessionId: string): string => `session:${sessionId}`;
