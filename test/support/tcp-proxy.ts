import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Cut } from './cutting-proxy.ts';

/** A cable to a server that can be squeezed: while it is, nothing the server sends is taken. */
export interface TcpProxy {
  /** The server's address by this cable. */
  readonly url: string;
  squeeze(): void;
  release(): void;
  /** Ends all connections; new ones can be made. */
  cut(): void;
  /** Ends all connections, and new ones as they are made, until it is plugged in again. */
  unplug(): void;
  plug(): void;
  close(): Promise<void>;
}

/**
 * Lays a cable to an http:// address. `cutting` is asked whenever a client has sent something; a
 * cut of what is `answered` lets half of the answer's beginning through.
 */
export async function startTcpProxy(
  to: string,
  cutting: () => Cut | undefined = () => undefined,
): Promise<TcpProxy> {
  const { hostname, port } = new URL(to);
  const upstreams = new Set<Socket>();
  let isSqueezed = false;
  let isUnplugged = false;
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (isUnplugged) return void client.destroy();
    const upstream = connect(Number(port), hostname);
    upstreams.add(upstream);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    let isAnswerCut = false;
    client.on('data', () => {
      const cut = cutting();
      if (cut === 'before') end();
      if (cut === 'sent') setImmediate(end);
      isAnswerCut ||= cut === 'answered';
    });
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      if (isAnswerCut) client.write(bytes.subarray(0, bytes.length / 2), end);
      else client.write(bytes);
    });
    if (isSqueezed) upstream.pause();
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.on('error', () => undefined);
      end.on('close', () => other.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    squeeze() {
      isSqueezed = true;
      for (const upstream of upstreams) upstream.pause();
    },
    release() {
      isSqueezed = false;
      for (const upstream of upstreams) upstream.resume();
    },
    cut() {
      for (const upstream of upstreams) upstream.destroy();
    },
    unplug() {
      isUnplugged = true;
      for (const upstream of upstreams) upstream.destroy();
    },
    plug() {
      isUnplugged = false;
    },
    async close() {
      for (const upstream of upstreams) upstream.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
