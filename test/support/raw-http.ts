import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A request to be written byte by byte, by no HTTP client's rules. */
export interface WireRequest {
  readonly method: string;
  readonly target: string;
  /** Beside `Host`, `Connection: close` and, with a body, `Content-Length`. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: Buffer | undefined;
}

/** The request's bytes, header text as Latin-1. */
export function wireBytes({ method, target, headers = [], body }: WireRequest): Buffer {
  const length: readonly [string, string][] = body ? [['Content-Length', `${body.length}`]] : [];
  const lines = [['Host', 'playhead'], ['Connection', 'close'], ...length, ...headers].map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1');
  return Buffer.concat([head, body ?? Buffer.alloc(0)]);
}

/**
 * Writes bytes on a connection of their own and resolves to the answers that came until the service
 * closed it. With `cut` the connection ends behind the bytes.
 */
export async function exchange(
  url: string,
  bytes: Buffer,
  options: { readonly cut?: boolean } = {},
): Promise<WireAnswer[]> {
  const { hostname, port } = new URL(url);
  const chunks: Buffer[] = [];
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    socket.setTimeout(10_000, () => socket.destroy(new Error('no end within 10 s')));
    socket.on('data', (chunk) => chunks.push(chunk));
    // A reset after an early answer is an end as well.
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? resolve() : reject(error),
    );
    socket.on('end', () => socket.destroy());
    socket.on('close', () => resolve());
    if (options.cut) socket.end(bytes);
    else socket.write(bytes);
  });
  return answersIn(Buffer.concat(chunks).toString('latin1'));
}

function answersIn(text: string): WireAnswer[] {
  const answers: WireAnswer[] = [];
  for (let rest = text; rest !== '';) {
    const end = rest.indexOf('\r\n\r\n');
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    rest = rest.slice(end + 4);
    const length = Number(headers.get('content-length') ?? 0);
    // The answer to HEAD names a length and has no body.
    const body = rest.startsWith('HTTP/1.1 ') ? '' : rest.slice(0, length);
    rest = rest.slice(body.length);
    answers.push({
      status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1]),
      headers,
      body: Buffer.from(body, 'latin1').toString(),
    });
    if (end < 0) throw new Error(`no HTTP answer: ${text.slice(0, 200)}`);
  }
  return answers;
}
