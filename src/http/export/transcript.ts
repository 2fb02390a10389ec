import type { MessageView, ParticipantView, SessionView } from '@playhead/contract';
import { listMessagesAt } from '../../../projections/messages.ts';
import { SessionAt } from '../../live/history/session-at.ts';
import type { RecordedEvent } from '../../log/event-log.ts';
import type { Keyset } from '../../projecting/keyset-page.ts';
import { Problem } from '../problem.ts';
import { readModelsReach, type ReadModelContext } from '../sessions/min-revision.ts';
import { eventsUntil } from './events-until.ts';

/** A session at one revision, however it goes on meanwhile. */
export interface Transcript {
  readonly session: SessionView;
  readonly participants: readonly ParticipantView[];
  /** In the order in which they are listed, some at a time. */
  readonly messages: AsyncIterable<readonly MessageView[]>;
}

/**
 * The session as it was at `head`, one of its events. It is read twice, a page at a time: from the
 * log, which says what the session, its participants and its open messages were at that revision;
 * and from the read model of messages, which has them in order and may be further already. A
 * message that has ended never changes again, so of its rows those up to `head` are right as they
 * are.
 *
 * Throws `not-yet` when the read model does not get that far within `minRevisionWaitMs`, and
 * `unavailable` when it has parked the session, or once nobody waits for the answer any more.
 */
export async function openTranscript(
  context: ReadModelContext,
  sessionId: string,
  head: RecordedEvent,
  isAwaited: () => boolean,
): Promise<Transcript> {
  const { log, limits } = context;
  const fold = new SessionAt();
  const bounds = { limit: limits.foldSliceMax, bytesMax: limits.exportBytesMax };
  for await (const page of eventsUntil(log, sessionId, head.revision, bounds)) {
    if (!isAwaited()) throw new Problem('unavailable', 'the client is gone');
    for (const event of page) fold.take(event);
  }
  const { session, participants } = fold;
  if (!session) throw new Problem('not-found');
  await readModelsReach(context, sessionId, head, {
    ...{ readModels: ['messages'], field: 'format', instead: 'jsonl has all its events' },
  });
  const messages = messagesUntil(context, sessionId, head.revision, fold);
  return { session, participants, messages };
}

/** Nobody asks how many messages there are. */
const COUNTED_MAX = 0;

/** Pages hold fewer messages the larger they may be, so that their bytes are bounded. */
async function* messagesUntil(
  { database, limits }: ReadModelContext,
  sessionId: string,
  revision: number,
  { openMessagesInOrder: open, largestBytes }: SessionAt,
): AsyncGenerator<readonly MessageView[]> {
  const fitting = Math.floor(limits.exportBytesMax / largestBytes);
  const limit = Math.max(1, Math.min(limits.exportMessagesMax, fitting));
  const then = { revision, open };
  let after: Keyset | undefined;
  do {
    const request = { page: 1, limit, after };
    const { rows, next } = await listMessagesAt(database, sessionId, then, request, COUNTED_MAX);
    yield rows;
    after = next;
  } while (after);
}
