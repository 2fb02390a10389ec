import { evolveOpenView, type OpenView } from '@playhead/contract';
import type { RecordedEvent } from '../log/event-log.ts';
import { asSessionEvent } from './frame.ts';

/** No type has this version: an event that carries it is opaque to every fold. */
const OPAQUE = 0;

/**
 * The view after one more event. An event that a fold cannot bear (its data is not what its type
 * promises) counts as opaque; one that not even its envelope can be read of changes nothing.
 */
export function foldEvent(
  view: OpenView | undefined,
  recorded: RecordedEvent,
): OpenView | undefined {
  const event = asSessionEvent(recorded);
  try {
    return evolveOpenView(view, event);
  } catch {
    try {
      return evolveOpenView(view, { ...event, v: OPAQUE });
    } catch {
      return view;
    }
  }
}

/** Roughly what a view takes in memory, in bytes: nearly all of it is what was said. */
export const viewBytes = ({ messages, participants, session }: OpenView): number =>
  messages.reduce((sum, message) => sum + 1_000 + 2 * message.content.length, 0) +
  participants.reduce((sum, one) => sum + 800 + 2 * (one.prompt?.length ?? 0), 0) +
  2_000 +
  2 * (session.prompt?.length ?? 0);
