import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import pg from 'pg';

/**
 * When an append call is cut off: before Postgres gets it, right after, or when Postgres has
 * answered and nobody has received it.
 */
export type Cut = 'before' | 'sent' | 'answered';

/** Stands between a log and its Postgres. */
export interface CuttingProxy {
  /** The database's address by way of the proxy. */
  readonly url: string;
  /** Cuts the connection of the next append call. */
  readonly cutNext: (cut: Cut) => void;
  /** How many connections it has cut. */
  readonly cuts: () => number;
  readonly close: () => Promise<void>;
}

/** Starts one on a port of its own. */
export async function startCuttingProxy(databaseUrl: string): Promise<CuttingProxy> {
  const { host, port } = new pg.Client({ connectionString: databaseUrl });
  const upstreamAt = host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port };
  const sockets = new Set<Socket>();
  let next: Cut | undefined;
  let cuts = 0;

  const server = createServer((client) => {
    const upstream = connect(upstreamAt);
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    const cut = (): void => {
      cuts += 1;
      end();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    let isAnswerCut = false;
    client.on('data', (bytes) => {
      const planned = bytes.includes('append\0') ? next : undefined;
      if (planned) next = undefined;
      if (planned === 'before') return cut();
      isAnswerCut ||= planned === 'answered';
      upstream.write(bytes, () => {
        if (planned === 'sent') cut();
      });
    });
    upstream.on('data', (bytes) => {
      if (isAnswerCut) cut();
      else client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const url = new URL(databaseUrl);
  url.searchParams.delete('host');
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cutNext: (cut) => {
      next = cut;
    },
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
