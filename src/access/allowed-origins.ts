import { isIP } from 'node:net';

/**
 * A browser sends this for pages without an origin of their own, such as files opened from disk.
 */
const OPAQUE_ORIGIN = 'null';

/**
 * What a page of some origin may do: `with-credentials` (its cookies count), `without-credentials`
 * (it must show its key itself), or `refused`.
 */
export type OriginAccess = 'with-credentials' | 'without-credentials' | 'refused';

/** Which origins are let in, as `PLAYHEAD_ALLOWED_ORIGINS` and `HOST` say. */
export interface OriginSettings {
  /** Origins, or `*` for all; undefined when nothing is set. */
  readonly allowedOrigins: readonly string[] | undefined;
  /** The address that the service listens on. */
  readonly host: string;
}

/**
 * The rule for requests and sockets of browser pages, the same for HTTP, SSE and Socket.IO. The
 * service's own origin is always let in: the page came from the `Host` that the request names. With
 * nothing set, a service that only this machine can reach lets in every page of this machine.
 */
export class AllowedOrigins {
  readonly #listed: ReadonlySet<string>;
  readonly #isLocal: boolean;

  constructor({ allowedOrigins, host }: OriginSettings) {
    this.#listed = new Set(allowedOrigins);
    this.#isLocal = allowedOrigins === undefined && isLoopback(host);
  }

  /** `origin` and `host` are the headers of the request. Requests without an origin are let in. */
  accessOf(origin: string | undefined, host: string | undefined): OriginAccess {
    if (origin === undefined || this.#listed.has(origin)) return 'with-credentials';
    const url = parse(origin);
    if (url && host !== undefined && url.host === host.toLowerCase()) return 'with-credentials';
    if (this.#listed.has('*')) return 'without-credentials';
    const isLocal = origin === OPAQUE_ORIGIN || (url !== undefined && isLoopback(url.hostname));
    return this.#isLocal && isLocal ? 'without-credentials' : 'refused';
  }
}

/** Whether a host name or address is one of this machine itself. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, '$1');
  if (isIP(name) === 4) return name.startsWith('127.');
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1';
}

function parse(origin: string): URL | undefined {
  try {
    return new URL(origin);
  } catch {
    return undefined;
  }
}
