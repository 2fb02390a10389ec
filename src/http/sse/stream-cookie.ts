import type { IncomingHttpHeaders } from 'node:http';

/** Under this name a browser shows its key to streams, since `EventSource` sends no header. */
export const COOKIE = 'playhead_stream';

const STREAMS = /^\/api\/(stream|realtime\/stream|sessions\/[^/?]+\/stream)\/?(\?|$)/;

/**
 * The key in the cookie of a request that opens a stream; no other may have it there, or a page of
 * somebody else could have a browser write in its user's name.
 */
export function keyInCookie({
  method,
  url,
  headers,
}: {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}): string | undefined {
  if (method !== 'GET' || !STREAMS.test(url)) return undefined;
  const pairs = headers.cookie?.split(';').map((pair) => pair.trim()) ?? [];
  const value = pairs.find((pair) => pair.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
  try {
    return value === undefined ? undefined : decodeURIComponent(value);
  } catch {
    return undefined;
  }
}

/** The header that keeps a key in the browser until it is closed; an empty key removes it. */
export function cookieOf(key: string, headers: IncomingHttpHeaders): string {
  // The service itself speaks HTTP; a proxy that speaks HTTPS in front of it says so.
  const isSecure = String(headers['x-forwarded-proto'] ?? '').split(',')[0] === 'https';
  return [
    `${COOKIE}=${encodeURIComponent(key)}`,
    ...['Path=/api', 'HttpOnly', 'SameSite=Strict'],
    ...(isSecure ? ['Secure'] : []),
    ...(key === '' ? ['Max-Age=0'] : []),
  ].join('; ');
}
