import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** An answer on its way back; null cuts the connection instead. */
export interface Relayed {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Stands between a client and the service. */
export interface Relay {
  readonly url: string;
  /** The paths asked for, in order. */
  readonly asked: string[];
  close(): Promise<void>;
}

/**
 * Hands requests on to an http:// address and lets `change` decide what comes back, once the
 * service has answered.
 */
export async function startRelay(
  to: string,
  change: (path: string, answer: Relayed) => Relayed | null,
): Promise<Relay> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push(path);
    void (async () => {
      const body = await buffer(request);
      const { authorization, ...rest } = request.headers;
      const key = rest['idempotency-key'];
      const answer = await fetch(`${to}${path}`, {
        method: request.method ?? 'GET',
        headers: {
          'content-type': 'application/json',
          ...(authorization === undefined ? {} : { authorization }),
          ...(typeof key === 'string' ? { 'idempotency-key': key } : {}),
        },
        ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
      });
      const relayed = change(path, { status: answer.status, body: await answer.text() });
      if (relayed) response.writeHead(relayed.status, relayed.headers).end(relayed.body);
      else request.socket.destroy();
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
