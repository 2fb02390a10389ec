import {
  evolveMessage,
  messageIdOf,
  sessionStream,
  type MessageView,
  type SessionEvent,
} from '@playhead/contract';
import type { EventLog } from '../../log/event-log.ts';
import { pagesOf } from '../../log/pages.ts';
import { asSessionEvent } from '../frames.ts';
import type { SessionViews } from './session-views.ts';

/** Where the text of messages comes from, and how much is read at once. */
export interface OpenMessageSources {
  readonly log: EventLog;
  readonly views: SessionViews;
  readonly page: { readonly limit: number; readonly bytesMax: number };
}

/**
 * The messages of a session with those that are still being written as they are now: read models do
 * not take chunks. What the session's view no longer holds is folded from the message's begin on.
 */
export async function withOpenText(
  { log, views, page }: OpenMessageSources,
  sessionId: string,
  messages: readonly MessageView[],
): Promise<MessageView[]> {
  const open = messages.filter(({ state }) => state === 'open');
  const now = new Map(open.map((message) => [message.messageId, message]));
  if (open.length > 0) {
    const { view } = await views.now(sessionId);
    const held = view?.messages.filter(({ messageId }) => now.has(messageId)) ?? [];
    for (const message of held) now.set(message.messageId, message);
    const old = open.filter((message) => now.get(message.messageId) === message);
    const after = Math.min(...old.map(({ revision }) => revision));
    if (old.length > 0) await readOn({ log, page }, sessionId, after, now);
  }
  return messages.map((message) => now.get(message.messageId) ?? message);
}

async function readOn(
  { log, page }: Omit<OpenMessageSources, 'views'>,
  sessionId: string,
  after: number,
  messages: Map<string, MessageView>,
): Promise<void> {
  for await (const events of pagesOf(log, sessionStream(sessionId), { after, ...page })) {
    for (const event of events.map(asSessionEvent)) {
      const next = grown(messages, event);
      if (next) messages.set(next.messageId, next);
    }
  }
}

/** The message that an event is about, after it. */
function grown(
  messages: ReadonlyMap<string, MessageView>,
  event: SessionEvent,
): MessageView | undefined {
  try {
    const held = messages.get(messageIdOf(event) ?? '');
    return held && event.revision > held.revision ? evolveMessage(held, event) : undefined;
  } catch {
    // Its data is not what its type promises.
    return undefined;
  }
}
