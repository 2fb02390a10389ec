/*
 * The format of `text/event-stream`: text of lines, each ended by an empty line. JSON holds no
 * line break, so data is always one line.
 */

/** An event for `onmessage`; its id is what a client comes back with. */
export const messageEvent = (id: string, data: unknown): string =>
  `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;

/** An event that clients listen for by name; without an id it leaves the client's cursor be. */
export const namedEvent = (name: string, data: unknown, id?: string): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

/** Moves the client's cursor on and shows it nothing. */
export const cursorOnly = (id: string): string => `id: ${id}\n\n`;

/** How many milliseconds the client waits before it comes back. */
export const retryAfter = (ms: number): string => `retry: ${Math.round(ms)}\n\n`;

/** Keeps a silent connection open, and shows when it no longer is. */
export const HEARTBEAT = Buffer.from(':heartbeat\n\n');
