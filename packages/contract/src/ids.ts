import * as z from 'zod';

/** Longest id a producer may choose for a session, message or participant, in UTF-16 units. */
export const ID_LENGTH_MAX = 200;

/**
 * An id chosen by whoever created the thing: any printable text, since peers use UUIDs, slugs and
 * names with spaces alike. No control characters, nothing a store would have to replace, and not
 * what every client takes for a step in a path when it stands in one, however it is escaped.
 */
export const id = z
  .string()
  .min(1)
  .max(ID_LENGTH_MAX)
  .regex(
    /^(?=.*[^\s\p{Cc}\p{Cs}])[^\p{Cc}\p{Cs}]*$/u,
    'must hold a visible and no control character',
  )
  .regex(/^(?!\.{1,2}$)/, 'must be neither "." nor ".."');

/** The stream of a session's events. */
export const sessionStream = (sessionId: string): string => `session-${sessionId}`;

/** The session a stream belongs to, `undefined` for other streams. */
export const sessionIdOf = (stream: string): string | undefined =>
  stream.startsWith('session-') ? stream.slice('session-'.length) : undefined;
