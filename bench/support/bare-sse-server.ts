import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/*
 * Server-sent events with Node alone: GET joins the room that its path names, POST parses its body,
 * answers, and sends it on to the room that it names.
 */
const rooms = new Map<string, Set<ServerResponse>>();
const server = createServer((request, response) => {
  if (request.method === 'GET') {
    const room = decodeURIComponent(request.url ?? '').slice(1);
    rooms.set(room, (rooms.get(room) ?? new Set()).add(response));
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(':joined\n\n');
    return;
  }
  void text(request).then((body) => {
    const { room } = JSON.parse(body) as { room: string };
    const block = Buffer.from(`data: ${body}\n\n`);
    for (const member of rooms.get(room) ?? []) member.write(block);
    response.writeHead(200, { 'content-length': 2 }).end('{}');
  });
});
server.listen(0, '127.0.0.1', () => {
  console.log(`listens on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
