import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A kept-alive HTTP connection for one request at a time, with as little as possible between: a
 * client that is slow would be measured instead of the server.
 */
export class HttpConnection {
  #received = '';
  #answered: ((status: number) => void) | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly head: string,
  ) {
    socket.setNoDelay(true);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => this.#take(text));
  }

  /** Connects; every request is a POST of this type to this URL with this key. */
  static async open(url: URL, key: string, type = 'application/json'): Promise<HttpConnection> {
    const socket = connect(Number(url.port), url.hostname);
    await once(socket, 'connect');
    const lines = [
      `POST ${url.pathname} HTTP/1.1`,
      `Host: ${url.host}`,
      `Authorization: Bearer ${key}`,
      `Content-Type: ${type}`,
    ];
    return new HttpConnection(socket, `${lines.join('\r\n')}\r\nContent-Length: `);
  }

  /** Posts a body; throws when it is not answered with 200 or 201. */
  async post(body: string): Promise<void> {
    const answered = new Promise<number>((resolve) => (this.#answered = resolve));
    this.socket.write(`${this.head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const status = await answered;
    if (status !== 200 && status !== 201) throw new Error(`answered with ${status}`);
  }

  close(): void {
    this.socket.destroy();
  }

  #take(text: string): void {
    this.#received += text;
    const end = this.#received.indexOf('\r\n\r\n');
    const [, length] = /content-length: (\d+)/i.exec(this.#received) ?? [];
    if (end < 0 || length === undefined) return;
    if (this.#received.length < end + 4 + Number(length)) return;
    const status = Number(this.#received.slice(9, 12));
    this.#received = '';
    this.#answered?.(status);
  }
}
