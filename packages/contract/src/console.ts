import * as z from 'zod';
import { sessionEvent, type SessionEvent } from './envelope.ts';
import { refusal } from './refusal.ts';
import { activity, sessionSource } from './events/session.ts';
import { id } from './ids.ts';
import { sessionStatuses } from './status.ts';
import { sessionView } from './views/schemas.ts';
import type { SessionView } from './views/session.ts';

const LABELS_MAX = 10;

/** Which sessions a console shows; all that is given must hold. */
export const consoleFilter = z.strictObject({
  status: z.enum(sessionStatuses).optional(),
  source: sessionSource.optional(),
  /** The last state that was set. */
  state: activity.optional(),
  /** Labels that must all be there, with these values. */
  label: z
    .record(z.string().min(1).max(200), z.string().max(1_000))
    .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`)
    .optional(),
  /** Part of the name or the prompt, in upper or lower case. */
  search: z
    .string()
    .min(1)
    .max(200)
    .regex(/^[^\0]*$/, 'must not hold U+0000')
    .optional(),
});
export type ConsoleFilter = z.infer<typeof consoleFilter>;

/**
 * Opens the list of sessions. Without `after`: the list, then what changes. With `after` and
 * `epoch`, as last received: what changed since. `events` asks for the sessions' events too.
 */
export const consoleOpen = z
  .strictObject({
    after: z.string().max(100).optional(),
    epoch: z.string().max(100).optional(),
    filter: consoleFilter.optional(),
    events: z.boolean().optional(),
  })
  .refine(({ after, epoch }) => (after === undefined) === (epoch === undefined), {
    path: ['epoch'],
    message: 'goes with `after`',
  });
export type ConsoleOpen = z.infer<typeof consoleOpen>;

/** Asks for no more of the list. */
export const consoleClose = z.strictObject({});

/** The answer to `console:open`: the cursor from which frames go on, with the list at it. */
export interface ConsoleOpened {
  readonly ok: true;
  /** Position of the log that frames go on from. */
  readonly position: string;
  readonly epoch: string;
  /** Those with the newest activity first; only without `after`. */
  readonly sessions?: readonly SessionView[];
  /** There are more sessions than the list holds; each enters when something happens in it. */
  readonly more?: boolean;
}

/** Fields of a session that changed, each with its whole new value. */
export type SessionChanges = Partial<Omit<SessionView, 'sessionId'>>;

/** How one session of the list changed. `revision` is the session's, after the change. */
export type ConsolePatch =
  | {
      readonly type: 'session.updated';
      readonly sessionId: string;
      readonly revision: number;
      /** Only fields that changed, each whole; null clears. */
      readonly changes: SessionChanges;
    }
  | {
      readonly type: 'session.entered';
      readonly sessionId: string;
      readonly revision: number;
      /** Takes the place of what was held of it, if anything. */
      readonly session: SessionView;
    }
  | { readonly type: 'session.left'; readonly sessionId: string; readonly revision: number };

/**
 * What changed in the list beyond position `from`, up to `through`, which is the cursor from then
 * on; the next frame's `from` is this one's `through`. `caughtUp` marks the end of what had
 * happened when the console was opened. With events asked for, those of sessions in the list.
 */
export interface ConsoleFrame {
  readonly from: string;
  readonly through: string;
  readonly patches: readonly ConsolePatch[];
  readonly events?: readonly SessionEvent[];
  readonly caughtUp?: true;
}

const patched = { sessionId: z.string(), revision: z.number().int().nonnegative() };

export const consoleFrame = z.object({
  from: z.string(),
  through: z.string(),
  patches: z.array(
    z.discriminatedUnion('type', [
      z.object({
        type: z.literal('session.updated'),
        ...patched,
        changes: sessionView.omit({ sessionId: true }).partial(),
      }),
      z.object({ type: z.literal('session.entered'), ...patched, session: sessionView }),
      z.object({ type: z.literal('session.left'), ...patched }),
    ]),
  ),
  events: z.array(sessionEvent).optional(),
  caughtUp: z.literal(true).optional(),
});

/** The service ended the console; open it again from `position`, the last one sent. */
export const consoleClosed = refusal.extend({ position: z.string() });
export type ConsoleClosed = z.infer<typeof consoleClosed>;

/** As `session:behind`, of the list: what comes beyond `position` is read from the log. */
export const consoleBehind = z.object({ position: z.string() });
export type ConsoleBehind = z.infer<typeof consoleBehind>;

/** Tells the others who have a session open something that is never stored. */
export const signal = z.strictObject({
  sessionId: id,
  kind: z.enum(['typing']),
  /** False takes it back before it expires. */
  active: z.boolean().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});
export type Signal = z.infer<typeof signal>;

/** A signal of somebody else who has the session open. */
export const sessionSignal = z.object({
  sessionId: z.string(),
  kind: z.enum(['typing']),
  /** Who it is from, as events name their actor. */
  from: z.string(),
  data: z.record(z.string(), z.unknown()).optional(),
  /** It holds for so long unless it is repeated; 0: it was taken back. */
  expiresInMs: z.number().int().nonnegative(),
});
export type SessionSignal = z.infer<typeof sessionSignal>;

/** Who has a session open, on all nodes of the service as far as they reach each other. */
export const sessionPresence = z.object({
  sessionId: z.string(),
  /** Sockets that have it open, also those of viewers who are not named. */
  total: z.number().int().nonnegative(),
  /** The first of them by id, with how many sockets each has. */
  viewers: z.array(z.object({ id: z.string(), sockets: z.number().int().positive() })),
});
export type SessionPresence = z.infer<typeof sessionPresence>;
