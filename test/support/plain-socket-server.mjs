// Socket.IO as its users run it: what is posted goes to every socket, and nothing is kept but, with
// RECOVERY, what its connection-state recovery keeps.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { Server } from 'socket.io';

const http = createServer(async (request, response) => {
  io.to('everybody').emit('said', Number(await text(request)));
  response.end();
});
const recovery = process.env.RECOVERY ? { connectionStateRecovery: {} } : {};
const io = new Server(http, { transports: ['websocket'], ...recovery });
io.on('connection', (socket) => void socket.join('everybody'));
http.listen(Number(process.env.PORT), '127.0.0.1', () =>
  console.log(`listens on http://127.0.0.1:${http.address().port}`),
);
