import type { Link } from './link.ts';

/**
 * The link that something goes over. The service has one list, and each session once, on a socket:
 * what finds its place taken on the client's own link gets one for itself, and closes it.
 */
export interface Line {
  readonly link: Link;
  readonly isOwn: boolean;
}
