/**
 * Every refusal of the service, over HTTP and on the socket alike. `retry` says whether the same
 * request may succeed later; `status` is its HTTP status.
 */
export const errorCodes = {
  invalid: { status: 400, retry: false, title: 'The request is malformed' },
  unauthenticated: { status: 401, retry: false, title: 'A valid key is needed' },
  forbidden: { status: 403, retry: false, title: 'The key does not allow this' },
  'not-found': { status: 404, retry: false, title: 'No such thing, or not yours to see' },
  conflict: { status: 409, retry: true, title: 'Somebody else wrote at the same time' },
  refused: { status: 409, retry: false, title: 'The session does not allow this now' },
  'cursor-unknown': { status: 410, retry: false, title: 'The log has no such cursor' },
  deleted: { status: 410, retry: false, title: 'The session was deleted in the store' },
  'revision-mismatch': { status: 412, retry: false, title: 'The session has moved on' },
  'too-large': { status: 413, retry: false, title: 'More than fits' },
  'range-not-satisfiable': { status: 416, retry: false, title: 'It has no bytes there' },
  'unsupported-media-type': { status: 415, retry: false, title: 'Not a content type taken here' },
  'key-reused': { status: 422, retry: false, title: 'The key was used for something else' },
  'rate-limited': { status: 429, retry: true, title: 'Too many requests' },
  'too-many-rooms': { status: 429, retry: false, title: 'Too many sessions open on one socket' },
  'too-many-sockets': { status: 429, retry: true, title: 'Too many sockets open with one key' },
  internal: { status: 500, retry: true, title: 'A fault of the service' },
  overloaded: { status: 503, retry: true, title: 'More work is waiting than fits' },
  unavailable: { status: 503, retry: true, title: 'The store does not answer' },
  'shutting-down': { status: 503, retry: true, title: 'The service stops; try again' },
  'not-yet': { status: 504, retry: true, title: 'The read models are not that far' },
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** How a request is refused. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;
  /** The field at fault, as a dotted path. */
  readonly field?: string | undefined;
}

/** A refusal with the table's own `retry`. */
export const refuse = (code: ErrorCode, message?: string, field?: string): Refusal => ({
  code,
  message: message ?? errorCodes[code].title,
  retry: errorCodes[code].retry,
  ...(field === undefined ? {} : { field }),
});

/** Whether something that was received is a refusal, with a code of this table. */
export function isRefusal(value: unknown): value is Refusal {
  if (typeof value !== 'object' || value === null) return false;
  const { code, message, retry, field } = value as Readonly<Record<string, unknown>>;
  return (
    typeof code === 'string' &&
    Object.hasOwn(errorCodes, code) &&
    typeof message === 'string' &&
    typeof retry === 'boolean' &&
    (field === undefined || typeof field === 'string')
  );
}
