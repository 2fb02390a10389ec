import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between a service and its client. */
export interface TamperingProxy {
  /** The service's address by way of the proxy. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * Exchanges words, for others of the same length, in the requests whose first line matches `path`
 * and in what is answered to them. The words must be ASCII.
 */
export async function startTamperingProxy(
  to: string,
  path: RegExp,
  words: readonly (readonly [string, string])[],
): Promise<TamperingProxy> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  const exchanged = (bytes: Buffer): Buffer =>
    Buffer.from(
      words.reduce((text, [from, into]) => text.replaceAll(from, into), bytes.toString('latin1')),
      'latin1',
    );
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isMeant = false;
    client.on('data', (bytes) => {
      const [request] = /^(GET|POST) \S+ /.exec(bytes.toString('latin1')) ?? [];
      if (request !== undefined) isMeant = path.test(request);
      upstream.write(isMeant ? exchanged(bytes) : bytes);
    });
    upstream.on('data', (bytes) => client.write(isMeant ? exchanged(bytes) : bytes));
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(end);
      end.on('error', () => undefined);
      end.on('close', () => other.destroy());
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
