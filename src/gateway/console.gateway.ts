import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayInit,
} from '@nestjs/websockets';
import {
  consoleClose,
  consoleOpen,
  refuse,
  type ClientToServer,
  type ConsoleOpened,
  type Refused,
  type ServerToClient,
} from '@playhead/contract';
import type { Server } from 'socket.io';
import type { Authenticator } from '../access/principal.ts';
import type { Console } from '../live/console/console.ts';
import type { ConsoleAudience, ConsoleViewer } from '../live/console/viewer.ts';
import type { Visit } from '../live/console/visit.ts';
import { CONSOLE, KEYS } from '../tokens.ts';
import { refusalFor } from './admission.ts';
import { checked, cleansed } from './checked.ts';
import type { ViewerSocket } from './open-sessions.ts';
import type { Outbox } from './outbox.ts';
import { SessionsGateway } from './sessions.gateway.ts';

/** The console of one socket, and one that is to take its place. */
interface OpenConsole {
  visit?: Visit | undefined;
  opening?: Visit | undefined;
}

const SUPERSEDED = 'another request for the console came before this one was answered';

/** The live list of sessions, one on a socket. */
@WebSocketGateway()
export class ConsoleGateway implements OnGatewayInit, BeforeApplicationShutdown {
  readonly #open = new Map<string, OpenConsole>();
  #audience: ConsoleAudience;

  constructor(
    @Inject(SessionsGateway) private readonly sockets: SessionsGateway,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(CONSOLE) private readonly console: Console,
  ) {}

  afterInit(server: Server<ClientToServer, ServerToClient>): void {
    this.#audience = {
      // Only to this node's sockets: every node follows the log itself.
      broadcast: (room, frame) => server.local.to(room).emit('console:events', frame),
    };
  }

  @SubscribeMessage('console:open')
  open(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const answer = this.sockets.answerTo<ConsoleOpened>(socket, 'console:open', ack);
    const outbox = this.sockets.outboxOf(socket);
    if (!answer || !outbox) return;
    const request = checked(consoleOpen, cleansed(payload).value);
    if ('refusal' in request) answer({ ok: false, ...request.refusal });
    else if (!ack) answer({ ok: false, ...refuse('invalid', 'needs an acknowledgement function') });
    else {
      const state = this.#stateOf(socket);
      state.opening?.close(refuse('refused', SUPERSEDED));
      state.opening = this.console.open(request.value, this.#viewer(socket, outbox, state, answer));
    }
  }

  @SubscribeMessage('console:close')
  close(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const answer = this.sockets.answerTo<{ ok: true }>(socket, 'console:close', ack);
    if (!answer) return;
    const request = checked(consoleClose, payload ?? {});
    if ('refusal' in request) {
      answer({ ok: false, ...request.refusal });
      return;
    }
    const state = this.#open.get(socket.id);
    state?.opening?.close(refuse('refused', SUPERSEDED));
    state?.visit?.end();
    if (state) state.visit = undefined;
    answer({ ok: true });
  }

  /** Viewers are told before the sockets close. */
  beforeApplicationShutdown(): void {
    this.console.stop();
  }

  #stateOf(socket: ViewerSocket): OpenConsole {
    const known = this.#open.get(socket.id);
    if (known) return known;
    const state: OpenConsole = {};
    this.#open.set(socket.id, state);
    socket.once('disconnect', () => {
      this.#open.delete(socket.id);
      state.opening?.end();
      state.visit?.end();
    });
    return state;
  }

  /** A console opened anew goes on as it was until the new one is answered, or refused. */
  #viewer(
    socket: ViewerSocket,
    outbox: Outbox,
    state: OpenConsole,
    answer: (answer: ConsoleOpened | Refused) => void,
  ): ConsoleViewer {
    return {
      audience: this.#audience,
      denied: () => refusalFor(socket, this.keys),
      inTurn: (work) => outbox.inTurn(work),
      opened: (opened) => {
        state.visit?.end();
        state.visit = state.opening;
        state.opening = undefined;
        answer(opened);
      },
      refused: (refusal) => {
        state.opening = undefined;
        answer({ ok: false, ...refusal });
      },
      send: (frame) => socket.emit('console:events', frame),
      join: (room) => void socket.join(room),
      behind: (room, position) => {
        void socket.leave(room);
        socket.emit('console:behind', { position });
      },
      leave: (room) => void socket.leave(room),
      hasRoomFor: (bytes) => outbox.hasRoomFor(bytes),
      closed: (refusal, position) => {
        state.visit = undefined;
        socket.emit('console:closed', { ...refusal, position });
      },
    };
  }
}
