import type { ConsoleOpen, SessionOpen } from '@playhead/contract';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { REVISION_MAX } from '../query-parameters.ts';

const HEADER = 'last-event-id';

/** The id of a session's event in its stream: the session cursor behind it. */
export const sessionCursor = (revision: number, eventId: string): string =>
  `${revision}.${eventId}`;

/** The id of an event among those of all sessions. */
export const logCursor = (position: string, epoch: string): string => `${position}.${epoch}`;

/** What the browser sends by itself when it comes back; undefined at the first time. */
export const lastEventId = (headers: Readonly<Record<string, unknown>>): string | undefined => {
  const id = headers[HEADER];
  return typeof id === 'string' && id !== '' ? id : undefined;
};

type SessionCursor = Pick<SessionOpen, 'after' | 'afterId'>;
const uuid = z.uuid();

/** The cursor that an id stands for; a bare revision is not checked. Throws `invalid`. */
export function readSessionCursor(id: string): SessionCursor {
  const [, digits = '', eventId] = /^(\d{1,10})(?:\.(.+))?$/.exec(id) ?? [];
  const after = Number(digits);
  const isId = eventId === undefined || uuid.safeParse(eventId).success;
  if (!digits || after > REVISION_MAX || !isId) {
    throw new Problem('invalid', `${HEADER}: must be <revision>.<event id>`, HEADER);
  }
  return eventId === undefined ? { after } : { after, afterId: eventId };
}

type LogCursor = Required<Pick<ConsoleOpen, 'after' | 'epoch'>>;

/** The cursor that an id stands for; a bare position is taken as one of this log. */
export function readLogCursor(id: string, epoch: string, field = HEADER): LogCursor {
  const [, position, named = epoch] = /^(\d{0,100})(?:\.([\w-]{1,100}))?$/.exec(id) ?? [];
  if (position === undefined)
    throw new Problem('invalid', `${field}: must be <position>.<epoch>`, field);
  return { after: position, epoch: named };
}
