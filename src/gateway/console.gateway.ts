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
import { SubscriptionSlot } from './subscription-slot.ts';
import type { WriteBuffer } from './write-buffer.ts';
import { SessionsGateway } from './sessions.gateway.ts';

type Slot = SubscriptionSlot<ConsoleSubscription>;

/** The live list of sessions, one on a socket. */
@WebSocketGateway()
export class ConsoleGateway implements OnGatewayInit, BeforeApplicationShutdown {
  readonly #open = new Map<string, Slot>();
  #audience: ConsoleAudience;

  constructor(
    @Inject(SessionsGateway) private readonly sockets: SessionsGateway,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(CONSOLE_SUBSCRIPTIONS) private readonly subscriptions: ConsoleSubscriptions,
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
      const slot = this.#slotOf(socket);
      slot.supersede();
      slot.begin(
        this.subscriptions.open(request.value, this.#viewer(socket, writeBuffer, slot, answer)),
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
    this.#open.get(socket.id)?.close();
    answer({ ok: true });
  }

  /** Viewers are notified before the sockets close. */
  beforeApplicationShutdown(): void {
    this.subscriptions.stop();
  }

  #slotOf(socket: ViewerSocket): Slot {
    const known = this.#open.get(socket.id);
    if (known) return known;
    const slot: Slot = new SubscriptionSlot();
    this.#open.set(socket.id, slot);
    socket.once('disconnect', () => {
      this.#open.delete(socket.id);
      slot.end();
    });
    return slot;
  }

  /** A console opened again goes on as it was until the new one is answered, or refused. */
  #viewer(
    socket: ViewerSocket,
    writeBuffer: WriteBuffer,
    slot: Slot,
    answer: (answer: ConsoleOpened | Refused) => void,
  ): ConsoleViewer {
    return {
      audience: this.#audience,
      denied: () => refusalFor(socket, this.keys),
      whenDrained: (work) => writeBuffer.whenDrained(work),
      opened: (opened) => {
        slot.acknowledged();
        answer(opened);
      },
      refused: (refusal) => {
        slot.refused();
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
        slot.closed();
        socket.emit('console:closed', { ...refusal, position });
      },
    };
  }
}
