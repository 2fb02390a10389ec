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
import type { ConsoleSubscriptions } from '../live/console/console-subscriptions.ts';
import type { ConsoleAudience, ConsoleViewer } from '../live/console/console-viewer.ts';
import type { ConsoleSubscription } from '../live/console/console-subscription.ts';
import { CONSOLE_SUBSCRIPTIONS, KEYS } from '../tokens.ts';
import { refusalFor } from './admission.ts';
import { parsePayload, cleansed } from './payloads.ts';
import type { ViewerSocket } from './open-sessions.ts';
import type { WriteBuffer } from './write-buffer.ts';
import { SessionsGateway } from './sessions.gateway.ts';

/** The console of one socket, and one that is to take its place. */
interface OpenConsole {
  subscription?: ConsoleSubscription | undefined;
  opening?: ConsoleSubscription | undefined;
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
    @Inject(CONSOLE_SUBSCRIPTIONS) private readonly console: ConsoleSubscriptions,
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
    const answer = this.sockets.acknowledgementFor<ConsoleOpened>(socket, 'console:open', ack);
    const writeBuffer = this.sockets.writeBufferOf(socket);
    if (!answer || !writeBuffer) return;
    const request = parsePayload(consoleOpen, cleansed(payload).value);
    if ('refusal' in request) answer({ ok: false, ...request.refusal });
    else if (!ack) answer({ ok: false, ...refuse('invalid', 'needs an acknowledgement function') });
    else {
      const state = this.#stateOf(socket);
      state.opening?.close(refuse('refused', SUPERSEDED));
      state.opening = this.console.open(
        request.value,
        this.#viewer(socket, writeBuffer, state, answer),
      );
    }
  }

  @SubscribeMessage('console:close')
  close(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const answer = this.sockets.acknowledgementFor<{ ok: true }>(socket, 'console:close', ack);
    if (!answer) return;
    const request = parsePayload(consoleClose, payload ?? {});
    if ('refusal' in request) {
      answer({ ok: false, ...request.refusal });
      return;
    }
    const state = this.#open.get(socket.id);
    state?.opening?.close(refuse('refused', SUPERSEDED));
    state?.subscription?.end();
    if (state) state.subscription = undefined;
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
      state.subscription?.end();
    });
    return state;
  }

  /** A console opened anew goes on as it was until the new one is answered, or refused. */
  #viewer(
    socket: ViewerSocket,
    writeBuffer: WriteBuffer,
    state: OpenConsole,
    answer: (answer: ConsoleOpened | Refused) => void,
  ): ConsoleViewer {
    return {
      audience: this.#audience,
      denied: () => refusalFor(socket, this.keys),
      whenDrained: (work) => writeBuffer.whenDrained(work),
      opened: (opened) => {
        state.subscription?.end();
        state.subscription = state.opening;
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
      hasRoomFor: (bytes) => writeBuffer.hasRoomFor(bytes),
      closed: (refusal, position) => {
        state.subscription = undefined;
        socket.emit('console:closed', { ...refusal, position });
      },
    };
  }
}
