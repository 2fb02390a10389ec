import { evolveOpenView, type OpenView } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';
import { asSessionEvent } from './frame.ts';

/** The view after one more event; one that is no event of a session's changes nothing. */
export function foldEvent(
  view: OpenView | undefined,
  recorded: RecordedEvent,
): OpenView | undefined {
  try {
    return evolveOpenView(view, asSessionEvent(recorded));
  } catch {
    return view;
  }
}

/** Roughly what a view takes in memory, in bytes: nearly all of it is what was said. */
export const viewBytes = ({ messages, participants, session }: OpenView): number =>
  messages.reduce((sum, message) => sum + 1_000 + 2 * message.content.length, 0) +
  participants.reduce((sum, one) => sum + 800 + 2 * (one.prompt?.length ?? 0), 0) +
  2_000 +
  2 * (session.prompt?.length ?? 0);
