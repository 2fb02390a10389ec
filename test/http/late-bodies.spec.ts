import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import fastify, { type FastifyInstance } from 'fastify';
import { addLateBodyHook } from '../../src/http/late-bodies.ts';

let server: FastifyInstance;
let port: number;

beforeAll(async () => {
  server = fastify();
  addLateBodyHook(server, 150, ({ url }) => url === '/import');
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  for (const path of ['/import', '/other']) {
    server.post(path, ({ body }) => ({ bytes: (body as Buffer).length }));
  }
  ({ port } = new URL(await server.listen({ port: 0 })) as unknown as { port: number });
});

afterAll(() => server.close());

/** A request of which the second half has not been sent. */
async function begun(path: string): Promise<Socket> {
  const socket = connect(port, 'localhost');
  await once(socket, 'connect');
  const head = [`POST ${path} HTTP/1.1`, 'host: x', 'content-type: text/x', 'content-length: 8'];
  socket.write(`${head.join('\r\n')}\r\nconnection: close\r\n\r\nhalf`);
  return socket;
}

it('a body that does not arrive in time is refused, and its connection ends', async () => {
  const answer = await text(await begun('/other'));
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer).toContain('arrived too slowly');
});

it('a body that may take longer is waited for, and one in time is none of the late', async () => {
  const late = await begun('/import');
  const inTime = await begun('/other');
  inTime.write('half');
  expect(await text(inTime)).toContain('{"bytes":8}');
  // By now the other would have been refused.
  expect(await text(await begun('/other'))).toContain('arrived too slowly');
  late.write('half');
  expect(await text(late)).toContain('{"bytes":8}');
});
