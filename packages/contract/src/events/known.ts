import type { SessionEvent } from '../envelope.ts';
import type { KnownSessionEvent, SessionEventType, sessionEventTypes } from './index.ts';

/**
 * The versions of `sessionEventTypes`, apart from the schemas: folds run in pages, which should not
 * have to load zod for them. The compiler checks that both say the same.
 */
const versions: {
  readonly [Type in SessionEventType]: (typeof sessionEventTypes)[Type]['v'];
} = {
  'session.started': 1,
  'session.ready': 1,
  'session.renamed': 1,
  'session.state-changed': 1,
  'session.provider-changed': 1,
  'session.labelled': 1,
  'session.idled': 1,
  'session.resumed': 1,
  'session.cancel-requested': 1,
  'session.error-raised': 1,
  'session.ended': 1,
  'session.noted': 1,
  'session.owner-set': 1,
  'session.member-added': 1,
  'session.member-removed': 1,
  'participant.joined': 1,
  'participant.left': 1,
  'message.posted': 2,
  'message.started': 1,
  'message.chunked': 1,
  'message.completed': 2,
  'message.failed': 1,
  'tool.called': 1,
  'tool.output': 2,
  'tool.finished': 2,
};

/**
 * The event with its type known, or `undefined` when this build does not know its type or version:
 * such events pass through everything, visible and opaque.
 */
export const asKnown = (event: SessionEvent): KnownSessionEvent | undefined =>
  Object.hasOwn(versions, event.type) && versions[event.type as SessionEventType] === event.v
    ? (event as KnownSessionEvent)
    : undefined;
