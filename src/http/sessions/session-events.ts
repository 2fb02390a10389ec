import { sessionStream, type SessionEvent } from '@playhead/contract';
import { z } from 'zod';
import type { Limits } from '../../config.ts';
import { asSessionEvent } from '../../live/frames.ts';
import type { EventLog } from '../../log/event-log.ts';
import { Problem } from '../problem.ts';
import { REVISION_MAX, wholeNumber } from '../query-parameters.ts';

/** `after` is a revision (-1: from the first event on), `afterId` the id of the event there. */
export const eventsQuery = (limits: Limits) =>
  z
    .strictObject({
      after: wholeNumber(-1, REVISION_MAX).default(-1),
      afterId: z.uuid().optional(),
      limit: wholeNumber(1, limits.eventsPageMax).default(limits.eventsPageDefault),
    })
    .refine(({ after, afterId }) => afterId === undefined || after >= 0, {
      path: ['afterId'],
      message: 'needs `after` of at least 0',
    });

/** Some of a session's events; `caughtUp` when it has no more. */
export interface EventsPage {
  readonly events: readonly SessionEvent[];
  readonly caughtUp: boolean;
}

/**
 * A page of a session's events as the log has them. Throws `not-found` for a session without
 * events and `cursor-unknown` when the event at `after` is another one than `afterId`, or missing.
 */
export async function readEvents(
  log: EventLog,
  sessionId: string,
  { after, afterId, limit }: z.infer<ReturnType<typeof eventsQuery>>,
  bytesMax: number,
): Promise<EventsPage> {
  const stream = sessionStream(sessionId);
  const events = await log.read(stream, { after, limit, bytesMax });
  // Asked after the page was read: what comes in between belongs to the next page.
  const head = await log.last(stream);
  if (!head) throw new Problem('not-found');
  if (afterId !== undefined) {
    const [cursor] = await log.read(stream, { after: after - 1, limit: 1 });
    if (cursor?.id !== afterId.toLowerCase()) throw new Problem('cursor-unknown');
  }
  const last = events.at(-1)?.revision ?? after;
  return { events: events.map(asSessionEvent), caughtUp: last >= head.revision };
}
