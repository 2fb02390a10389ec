import * as z from 'zod';

/**
 * What is known about an event beside its data.
 *
 * - `at`: when the service accepted it, ISO 8601 UTC; never earlier than the session's last event.
 * - `occurredAt`: when the producer says it happened, exactly as sent.
 * - `actor`: who caused it, `key:<id>` or `system`.
 * - `commandId`: one command's events share it; a retried command is recognised by it.
 * - `digest`: of a command that came with a key, so that another one under the same key is noticed.
 * - `replaced`: how many characters no store can hold (U+0000, lone surrogates) became U+FFFD.
 */
export const eventMeta = z.object({
  at: z.string(),
  occurredAt: z.string().optional(),
  actor: z.string(),
  commandId: z.string(),
  causationId: z.string().optional(),
  correlationId: z.string().optional(),
  digest: z.string().optional(),
  replaced: z.number().int().positive().optional(),
});
export type EventMeta = z.infer<typeof eventMeta>;

/**
 * An event of a session as every client sees it, on the socket, over HTTP and in exports.
 *
 * `revision` counts the session's events from 0 without gaps; together with `id` it is the
 * session cursor. `position` orders events of all sessions: opaque, comparable as a string, valid
 * with the log's epoch.
 */
export interface SessionEvent<Type extends string = string, Data = unknown> {
  readonly id: string;
  readonly sessionId: string;
  readonly revision: number;
  readonly position: string;
  readonly type: Type;
  readonly v: number;
  readonly data: Data;
  readonly meta: EventMeta;
}

/** The envelope as a schema, for documents and for clients that check what they receive. */
export const sessionEvent = z.object({
  id: z.uuid(),
  sessionId: z.string(),
  revision: z.number().int().nonnegative(),
  position: z.string(),
  type: z.string(),
  v: z.number().int().positive(),
  data: z.unknown(),
  meta: eventMeta,
});
