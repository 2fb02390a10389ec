import type { Socket } from 'socket.io-client';
import type { SessionFrame } from '@playhead/contract';
import { adminKey } from './program.ts';
import { reportedMessage } from './reported.ts';

/** A server under test: where to post a message, and how a socket comes to see its room. */
export interface ComparedServer {
  readonly path: string;
  body(room: string, message: string): string;
  /** Each message is sent once to each socket, by its name. */
  watch(socket: Socket, room: string, saw: (message: string) => void): Promise<unknown>;
}

/** The service, by AgentPipe's reports. */
export const playhead: ComparedServer = {
  path: '/api/ingest',
  body: reportedMessage,
  watch(socket, sessionId, saw) {
    socket.on('session:events', ({ events }: SessionFrame) => {
      for (const { data } of events) saw((data as { messageId?: string }).messageId ?? '');
    });
    return socket.emitWithAck('session:open', { sessionId });
  },
};

/** Socket.IO that sends on what is posted without keeping it: see `bare-server.ts`. */
export const socketIo: ComparedServer = {
  path: '/',
  body: (room, message) =>
    JSON.stringify({ room, message, event: JSON.parse(reportedMessage(room, message)) as unknown }),
  watch(socket, room, saw) {
    socket.on('said', ({ message }: { message: string }) => saw(message));
    return socket.emitWithAck('join', room);
  },
};

/** How a viewer's socket connects. */
export const viewerOptions = {
  ...{ transports: ['websocket'], forceNew: true, auth: { token: adminKey } },
};
