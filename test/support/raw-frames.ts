import type { SessionFrame, SessionOpened } from '@playhead/contract';

/** The first whole message that a WebSocket server sends: it masks and splits none (RFC 6455). */
function firstMessage(bytes: Buffer): { readonly text: string; readonly end: number } | undefined {
  const short = (bytes[1] ?? 0) & 0x7f;
  const begin = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < begin) return undefined;
  const length =
    short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  const end = begin + length;
  return bytes.length < end ? undefined : { text: bytes.toString('utf8', begin, end), end };
}

/**
 * Reads what the service sends on a connection, below every client: WebSocket, Engine.IO and
 * Socket.IO by their own formats. Notes what must not happen to one session on one connection.
 */
export class RawFrames {
  readonly faults: string[] = [];
  /** Frames of the session, on all connections. */
  frames = 0;
  /** Revisions that came, on all connections. */
  readonly revisions = new Set<number>();

  /** Listens to one connection more. */
  readonly listen = (): ((bytes: Buffer) => void) => {
    let through: number | undefined;
    let isUpgraded = false;
    let waiting = Buffer.alloc(0);
    return (bytes) => {
      waiting = Buffer.concat([waiting, bytes]);
      if (!isUpgraded) {
        const end = waiting.indexOf('\r\n\r\n');
        if (end < 0) return;
        isUpgraded = true;
        waiting = waiting.subarray(end + 4);
      }
      for (;;) {
        const message = firstMessage(waiting);
        if (!message) return;
        waiting = waiting.subarray(message.end);
        through = this.#take(message.text, through);
      }
    };
  };

  /** Answers up to where the session was sent on this connection. */
  #take(packet: string, through: number | undefined): number | undefined {
    const [, kind, json] = /^4([23])\d*(\[.*)$/s.exec(packet) ?? [];
    if (!kind || !json) return through;
    const [first, second] = JSON.parse(json) as [unknown, unknown];
    if (kind === '3') {
      const opened = first as Partial<SessionOpened>;
      return opened.ok && opened.sessionId ? opened.revision : through;
    }
    if (first !== 'session:events') return through;
    const frame = second as SessionFrame;
    this.frames += 1;
    if (frame.from !== (through ?? NaN) + 1) this.faults.push(`at ${through}: ${frame.from}`);
    const right = Array.from({ length: frame.through - frame.from + 1 }, (_, n) => frame.from + n);
    if (frame.events.map(({ revision }) => revision).join() !== right.join()) {
      this.faults.push(`${frame.from} to ${frame.through} is torn`);
    }
    for (const revision of right) this.revisions.add(revision);
    return frame.through;
  }
}
