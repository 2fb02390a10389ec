import { EventEmitter } from 'node:events';

/** What is read of a frame of a session. */
export interface LightFrame {
  readonly from: number;
  readonly through: number;
  readonly caughtUp: boolean;
}

interface Packet {
  readonly type: number;
  readonly nsp: string;
  readonly id?: number;
  readonly data: unknown;
}

const EVENT = 2;

class Encoder {
  encode({ type, id, data }: Packet): string[] {
    return [`${type}${id ?? ''}${data === undefined ? '' : JSON.stringify(data)}`];
  }
}

class Decoder extends EventEmitter {
  add(text: string): void {
    this.emit('decoded', lightFrame(text) ?? whole(text));
  }

  destroy(): void {
    this.removeAllListeners();
  }
}

/** Frames say first what they cover, so that the events in them need not be looked at. */
function lightFrame(text: string): Packet | undefined {
  if (!text.startsWith('2["session:events"')) return undefined;
  const [, from, through] = /"from":(\d+),"through":(-?\d+)/.exec(text.slice(0, 600)) ?? [];
  const caughtUp = text.endsWith('"caughtUp":true}]');
  const frame: LightFrame = { from: Number(from), through: Number(through), caughtUp };
  return { type: EVENT, nsp: '/', data: ['session:events', frame] };
}

function whole(text: string): Packet {
  const [, type, id, json] = /^(\d)(\d*)(.*)$/s.exec(text) ?? [];
  const data = json ? (JSON.parse(json) as unknown) : undefined;
  return { type: Number(type), nsp: '/', data, ...(id && { id: Number(id) }) };
}

/**
 * A parser for socket.io-client under which a session's frames cost next to nothing, so that a
 * thousand viewers on this machine do not take the server's share of it.
 */
export const lightParser = { Encoder, Decoder };
