import * as z from 'zod';
import {
  consoleBehind,
  consoleClose,
  consoleClosed,
  consoleFrame,
  consoleOpen,
  sessionPresence,
  sessionSignal,
  signal,
} from './console.ts';
import { refusal } from './refusal.ts';
import {
  leaving,
  sessionBehind,
  sessionClose,
  sessionClosed,
  sessionFrame,
  sessionOpen,
  socketCommand,
  type ClientToServer,
  type ServerToClient,
} from './socket.ts';
import { openView, sessionView } from './views/schemas.ts';

/** One message of the socket as documents describe it. */
export interface DocumentedMessage {
  readonly summary: string;
  readonly payload: z.ZodType;
  /** What the acknowledgement carries when the request succeeds; refusals are the same for all. */
  readonly answer?: z.ZodType;
}

const done = z.object({ ok: z.literal(true) });

/** The acknowledgement of `session:open`. */
export const sessionOpened = done.extend({
  sessionId: z.string(),
  revision: z.number().int().min(-1),
  eventId: z.uuid().nullable(),
  epoch: z.string(),
  view: openView.optional(),
});

/** The acknowledgement of `console:open`. */
export const consoleOpened = done.extend({
  position: z.string(),
  epoch: z.string(),
  sessions: z.array(sessionView).optional(),
  more: z.boolean().optional(),
});

/** What a command led to. */
export const commandAnswer = z.object({
  sessionId: z.string(),
  revision: z.number().int(),
  position: z.string(),
  appended: z.boolean(),
  messageId: z.string().optional(),
  callId: z.string().optional(),
});

/** The acknowledgement of a request that was refused. */
export const refused = refusal.extend({ ok: z.literal(false) });

/** What a client may send. */
export const clientMessages: Readonly<Record<keyof ClientToServer, DocumentedMessage>> = {
  'session:open': {
    summary:
      'Opens a session: a view and what follows it, every event after a revision, or a view of ' +
      'what it was',
    payload: sessionOpen,
    answer: sessionOpened,
  },
  'session:close': {
    summary: 'Ends the delivery of a session',
    payload: sessionClose,
    answer: done,
  },
  command: {
    summary: 'Asks for something; the same id again is the same command',
    payload: socketCommand,
    answer: done.extend(commandAnswer.shape),
  },
  'console:open': {
    summary: 'Opens the list of sessions, or goes on from a cursor of it',
    payload: consoleOpen,
    answer: consoleOpened,
  },
  'console:close': {
    summary: 'Ends the delivery of the list',
    payload: consoleClose,
    answer: done,
  },
  signal: {
    summary: 'Tells the others who have the session open something that is never stored',
    payload: signal,
    answer: done,
  },
};

/** What the service may send. */
export const serverMessages: Readonly<Record<keyof ServerToClient, DocumentedMessage>> = {
  'session:events': {
    summary: 'Events of an open session, in order and without a gap',
    payload: sessionFrame,
  },
  'session:closed': {
    summary: 'The service ended the delivery of a session; open it again from the revision',
    payload: sessionClosed,
  },
  'session:behind': {
    summary: 'The socket is slow: what comes is read from the log, until `caughtUp`',
    payload: sessionBehind,
  },
  'session:signal': {
    summary: 'A signal of somebody else who has the session open',
    payload: sessionSignal,
  },
  'session:presence': {
    summary: 'Who has the session open; comes when that changes',
    payload: sessionPresence,
  },
  'console:events': {
    summary: 'What changed in the list of sessions, in order and without a gap',
    payload: consoleFrame,
  },
  'console:closed': {
    summary: 'The service ended the delivery of the list; open it again from the position',
    payload: consoleClosed,
  },
  'console:behind': {
    summary: 'The socket is slow: what comes is read from the log, until `caughtUp`',
    payload: consoleBehind,
  },
  leaving: {
    summary: 'The node stops and closes the socket; come back after so many milliseconds',
    payload: leaving,
  },
  refused: {
    summary: 'A request that came without an acknowledgement function was refused',
    payload: refusal.extend({ event: z.string() }),
  },
};
