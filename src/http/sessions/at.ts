import { id, type Refusal } from '@playhead/contract';
import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { StateAt } from '../../live/history/fold-history.ts';
import type { SessionAt } from '../../live/history/session-at.ts';
import type { Moment, SessionHistory } from '../../live/history/session-history.ts';
import type { RecordedEvent } from '../../log/event-log.ts';
import { Problem } from '../problem.ts';
import { REVISION_MAX, time } from '../query-parameters.ts';

const DIGITS = /^\d{1,15}$/;

/** `at`: a revision, or the last one that had been accepted by a time. */
export const moment = z.string().transform((text, context): Moment => {
  const instant = time.safeParse(text);
  if (instant.success) return { time: instant.data };
  const revision = Number(text);
  if (DIGITS.test(text) && revision <= REVISION_MAX) return { revision };
  const message = 'must be a revision, or a day or a time with zone, as ISO 8601 writes them';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** The answer's header that says at which revision the session is shown. */
const REVISION_HEADER = 'Playhead-Revision';

const RETRY_AFTER_S = 1;

/** Throws `invalid` where both a moment and `minRevision` are asked for: `at` waits by itself. */
export function demandOneMoment(asked: {
  readonly at?: Moment | undefined;
  readonly minRevision?: number | undefined;
}): void {
  if (asked.at === undefined || asked.minRevision === undefined) return;
  throw new Problem('invalid', 'at: goes without minRevision', 'at');
}

/** A session as it was at a moment. Throws what `SessionHistory` refuses. */
export async function sessionAt(
  history: SessionHistory,
  sessionId: string,
  at: Moment,
  reply: FastifyReply,
): Promise<StateAt<SessionAt>> {
  const found = foundIn(await history.at(idOf(sessionId), at));
  void reply.header(REVISION_HEADER, found.event.revision);
  return found;
}

/** The event of a session at a moment; throws as `sessionAt` does. */
export async function eventAt(
  history: SessionHistory,
  sessionId: string,
  at: Moment,
  reply: FastifyReply,
): Promise<RecordedEvent> {
  const event = foundIn(await history.eventAt(idOf(sessionId), at));
  void reply.header(REVISION_HEADER, event.revision);
  return event;
}

function idOf(sessionId: string): string {
  if (!id.safeParse(sessionId).success) throw new Problem('not-found');
  return sessionId;
}

function foundIn<Found extends object>(found: Found | Refusal): Found {
  if (!('code' in found)) return found;
  const { code, message, field, retry } = found;
  throw new Problem(code, message, field, retry ? RETRY_AFTER_S : undefined);
}
