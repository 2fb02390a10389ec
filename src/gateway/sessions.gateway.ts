import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayDisconnect,
  type OnGatewayInit,
} from '@nestjs/websockets';
import {
  refuse,
  sessionClose,
  sessionOpen,
  sessionRoom,
  type ClientToServer,
  type Refusal,
  type Refused,
  type ServerToClient,
  type SessionOpened,
} from '@playhead/contract';
import type { Server } from 'socket.io';
import type { Authenticator } from '../access/principal.ts';
import type { Config } from '../config.ts';
import type { Feed } from '../live/feed.ts';
import { Presence } from '../live/presence.ts';
import { returnAfterMs } from '../live/return-after.ts';
import type { Audience } from '../live/viewer.ts';
import type { Nodes } from '../nodes/nodes.ts';
import { CONFIG, FEED, KEYS, NODES } from '../tokens.ts';
import { admitReaders, principalOf, refusalFor } from './admission.ts';
import { answerTo } from './answers.ts';
import { Asides } from './asides.ts';
import { checked } from './checked.ts';
import { OpenSessions, type ViewerSocket } from './open-sessions.ts';
import { Outbox } from './outbox.ts';

const EVENTS: ReadonlySet<unknown> = new Set<keyof ClientToServer>([
  'session:open',
  'session:close',
  'command',
  'console:open',
  'console:close',
  'signal',
]);

interface Connected {
  readonly socket: ViewerSocket;
  readonly outbox: Outbox;
  readonly sessions: OpenSessions;
}

/** Sessions over Socket.IO. Whatever a client sends, it gets an answer or a code. */
@WebSocketGateway()
export class SessionsGateway
  implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect, BeforeApplicationShutdown
{
  /** What viewers are told beside events. */
  asides: Asides;
  readonly #connected = new Map<string, Connected>();
  #audience: Audience;
  #presence: Presence;
  #isLeaving = false;

  constructor(
    @Inject(FEED) private readonly feed: Feed,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(NODES) private readonly nodes: Nodes,
  ) {}

  /** How one request of a socket is answered; undefined when the socket is gone. */
  answerTo<Done extends { readonly ok: true }>(
    socket: ViewerSocket,
    event: string,
    ack: unknown,
  ): ((answer: Done | Refused) => void) | undefined {
    const connected = this.#connected.get(socket.id);
    return connected && answerTo<Done>(connected, event, ack);
  }

  /** Ends what a socket has open and says why. */
  dismiss(socket: ViewerSocket, refusal: Refusal): void {
    this.#connected.get(socket.id)?.sessions.dismiss(refusal);
  }

  /** Whether a socket has a session open. */
  hasOpen(socket: ViewerSocket, sessionId: string): boolean {
    return this.#connected.get(socket.id)?.sessions.has(sessionId) ?? false;
  }

  /** What waits to leave on a socket; undefined when the socket is gone. */
  outboxOf(socket: ViewerSocket): Outbox | undefined {
    return this.#connected.get(socket.id)?.outbox;
  }

  /** Sockets that are connected. */
  get sockets(): number {
    return this.#connected.size;
  }

  /** Bytes that wait for slow sockets, of all sockets together. */
  get pendingBytes(): number {
    let sum = 0;
    for (const { outbox } of this.#connected.values()) sum += outbox.pending;
    return sum;
  }

  afterInit(server: Server<ClientToServer, ServerToClient>): void {
    server.use(admitReaders(this.keys, () => this.#isLeaving));
    this.#audience = {
      // Only to this node's sockets: every node follows the log itself.
      broadcast: (frame) =>
        server.local.to(sessionRoom(frame.sessionId)).emit('session:events', frame),
    };
    this.asides = new Asides(server, (socketId) => this.#connected.get(socketId)?.outbox);
    this.#presence = new Presence(this.config.limits, this.nodes, (presence) => {
      this.asides.presence(presence, (sessionId) => this.#presence.of(sessionId));
    });
  }

  handleConnection(socket: ViewerSocket): void {
    const { limits } = this.config;
    const outbox = new Outbox(socket.conn, limits);
    const sessions = new OpenSessions(socket, outbox, {
      feed: this.feed,
      audience: this.#audience,
      denied: () => refusalFor(socket, this.keys),
      roomsMax: limits.roomsPerSocketMax,
      watches: (sessionId, change) => {
        if (change === 'enters') this.#presence.enter(sessionId, principalOf(socket));
        else if (change === 'leaves') this.#presence.leave(sessionId, principalOf(socket));
        // Who was out of the room has not heard what was told there.
        else socket.emit('session:presence', this.#presence.of(sessionId));
      },
    });
    const connected = { socket, outbox, sessions };
    this.#connected.set(socket.id, connected);
    socket.onAny((event: unknown, ...rest: unknown[]) => {
      if (EVENTS.has(event)) return;
      const name = String(event).slice(0, 100);
      const answer = answerTo(connected, name, rest.at(-1));
      answer({ ok: false, ...refuse('invalid', `there is no event ${name}`) });
    });
  }

  handleDisconnect(socket: ViewerSocket): void {
    this.#connected.get(socket.id)?.sessions.end();
    this.#connected.delete(socket.id);
  }

  // The acknowledgement is called by hand: one that Nest sends for a returned value may leave after
  // the first frames.
  @SubscribeMessage('session:open')
  open(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const connected = this.#connected.get(socket.id);
    if (!connected) return;
    const answer = answerTo<SessionOpened>(connected, 'session:open', ack);
    const request = checked(sessionOpen, payload);
    if ('refusal' in request) answer({ ok: false, ...request.refusal });
    else if (!ack) answer({ ok: false, ...refuse('invalid', 'needs an acknowledgement function') });
    else connected.sessions.open(request.value, answer);
  }

  @SubscribeMessage('session:close')
  close(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const connected = this.#connected.get(socket.id);
    if (!connected) return;
    const answer = answerTo<{ ok: true }>(connected, 'session:close', ack);
    const request = checked(sessionClose, payload);
    if ('refusal' in request) {
      answer({ ok: false, ...request.refusal });
      return;
    }
    connected.sessions.close(request.value.sessionId);
    answer({ ok: true });
  }

  /** Viewers are told before the sockets close, and come back one after another. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isLeaving = true;
    this.feed.stop();
    this.#presence.stop();
    const { size } = this.#connected;
    for (const { socket } of this.#connected.values()) {
      const afterMs = returnAfterMs(size, Math.random(), this.config.limits);
      socket.emit('leaving', { afterMs });
    }
    await this.emptied();
  }

  /** Resolves once nothing waits for a socket, or when some have not read it for too long. */
  async emptied(): Promise<void> {
    const { farewellMs } = this.config.limits;
    const since = performance.now();
    // Closing throws away what waits.
    while (this.pendingBytes > 0 && performance.now() - since < farewellMs) await sleep(10);
  }
}
