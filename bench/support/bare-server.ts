import { fastify } from 'fastify';
import { Server } from 'socket.io';

/*
 * The same libraries with nothing of Playhead's: POST parses its body and answers; what names a
 * room goes to the sockets that have joined it.
 */
const app = fastify();
const io = new Server(app.server, { transports: ['websocket'], perMessageDeflate: false });
io.on('connection', (socket) => {
  socket.on('join', (room: string, ack: () => void) => {
    void socket.join(room);
    ack();
  });
});
app.post<{ Body: { room?: string } }>('/', (request, reply) => {
  const { room } = request.body;
  if (room !== undefined) io.to(room).emit('said', request.body);
  return reply.send({ ok: true });
});
console.log(`listens on ${await app.listen({ port: 0, host: '127.0.0.1' })}`);
