import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';

/** A way to a server on which every connection is cut after a while. */
export interface FaultProxy {
  readonly url: string;
  /** Connections that were cut. */
  readonly cuts: number;
  /** From now on none is cut. */
  calm(): void;
  close(): Promise<void>;
}

/** What a server sends on one connection, as it comes; undefined of a connection to ignore. */
export type Listening = () => (bytes: Buffer) => void;

/**
 * Lays cables to an http:// address. Each connection lives between half and one and a half of
 * `livesMs`, by chance, whatever is on its way then.
 */
export async function startFaultProxy(
  to: string,
  livesMs: number,
  listening: Listening = () => () => undefined,
): Promise<FaultProxy> {
  const { hostname, port } = new URL(to);
  const ends = new Set<() => void>();
  let isCalm = false;
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    const received = listening();
    const end = (): void => {
      client.destroy();
      upstream.destroy();
      clearTimeout(death);
      ends.delete(end);
    };
    const death = setTimeout(
      () => {
        if (isCalm) return;
        cuts += 1;
        end();
      },
      livesMs * (0.5 + Math.random()),
    );
    ends.add(end);
    upstream.on('data', received);
    client.pipe(upstream);
    upstream.pipe(client);
    for (const one of [client, upstream]) one.on('error', end).on('close', end);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get cuts() {
      return cuts;
    },
    calm: () => void (isCalm = true),
    async close() {
      for (const end of [...ends]) end();
      server.close();
      await once(server, 'close');
    },
  };
}
