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
  comparableInstant,
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
import type { SessionHistory } from '../live/history/session-history.ts';
import type { SessionSubscriptions } from '../live/session/session-subscriptions.ts';
import { Presence } from '../live/presence/presence.ts';
import { reconnectDelayMs } from '../live/reconnect-delay.ts';
import type { SessionAudience } from '../live/session/session-viewer.ts';
import type { Nodes } from '../nodes/nodes.ts';
import { problemOf } from '../http/problem.ts';
import { CONFIG, KEYS, NODES, SESSION_HISTORY, SESSION_SUBSCRIPTIONS } from '../tokens.ts';
import { admitReaders, principalOf, refusalFor } from './admission.ts';
import { acknowledgementFor } from './acknowledgements.ts';
import { RoomBroadcasts } from './room-broadcasts.ts';
import { parsePayload } from './payloads.ts';
import { OpenSessions, type ViewerSocket } from './open-sessions.ts';
import { WriteBuffer } from './write-buffer.ts';

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
  readonly writeBuffer: WriteBuffer;
  readonly sessions: OpenSessions;
}

/** Sessions over Socket.IO. Whatever a client sends, it gets an answer or a code. */
@WebSocketGateway()
export class SessionsGateway
  implements OnGatewayInit, OnGatewayConnection, OnGatewayDisconnect, BeforeApplicationShutdown
{
  /** What viewers are sent beside events. */
  broadcasts: RoomBroadcasts;
  readonly #connected = new Map<string, Connected>();
  #audience: SessionAudience;
  #presence: Presence;
  #isLeaving = false;

  constructor(
    @Inject(SESSION_SUBSCRIPTIONS) private readonly subscriptions: SessionSubscriptions,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(NODES) private readonly nodes: Nodes,
    @Inject(SESSION_HISTORY) private readonly history: SessionHistory,
  ) {}

  /** How one request of a socket is answered; undefined when the socket is gone. */
  acknowledgementFor<Done extends { readonly ok: true }>(
    socket: ViewerSocket,
    event: string,
    ack: unknown,
  ): ((answer: Done | Refused) => void) | undefined {
    const connected = this.#connected.get(socket.id);
    return connected && acknowledgementFor<Done>(connected, event, ack);
  }

  /** Ends what a socket has open and says why. */
  closeSessions(socket: ViewerSocket, refusal: Refusal): void {
    this.#connected.get(socket.id)?.sessions.closeAll(refusal);
  }

  /** Whether a socket has a session open. */
  hasOpen(socket: ViewerSocket, sessionId: string): boolean {
    return this.#connected.get(socket.id)?.sessions.has(sessionId) ?? false;
  }

  /** What waits to leave on a socket; undefined when the socket is gone. */
  writeBufferOf(socket: ViewerSocket): WriteBuffer | undefined {
    return this.#connected.get(socket.id)?.writeBuffer;
  }

  /** Sockets that are connected. */
  get sockets(): number {
    return this.#connected.size;
  }

  /** Bytes that wait for slow sockets, of all sockets together. */
  get pendingBytes(): number {
    let sum = 0;
    for (const { writeBuffer } of this.#connected.values()) sum += writeBuffer.pending;
    return sum;
  }

  afterInit(server: Server<ClientToServer, ServerToClient>): void {
    server.use(admitReaders(this.keys, () => this.#isLeaving));
    this.#audience = {
      // Only to this node's sockets: every node follows the log itself.
      broadcast: (frame) =>
        server.local.to(sessionRoom(frame.sessionId)).emit('session:events', frame),
    };
    this.broadcasts = new RoomBroadcasts(
      server,
      (socketId) => this.#connected.get(socketId)?.writeBuffer,
    );
    this.#presence = new Presence(this.config.limits, this.nodes, (presence) => {
      this.broadcasts.presence(presence, (sessionId) => this.#presence.of(sessionId));
    });
  }

  handleConnection(socket: ViewerSocket): void {
    const { limits } = this.config;
    const writeBuffer = new WriteBuffer(socket.conn, limits);
    const sessions = new OpenSessions(socket, writeBuffer, {
      subscriptions: this.subscriptions,
      audience: this.#audience,
      denied: () => refusalFor(socket, this.keys),
      roomsMax: limits.roomsPerSocketMax,
      watches: (sessionId, change) => {
        if (change === 'enters') this.#presence.enter(sessionId, principalOf(socket));
        else if (change === 'leaves') this.#presence.leave(sessionId, principalOf(socket));
        // Who was out of the room has not received what was sent there.
        else socket.emit('session:presence', this.#presence.of(sessionId));
      },
    });
    const connected = { socket, writeBuffer, sessions };
    this.#connected.set(socket.id, connected);
    socket.onAny((event: unknown, ...rest: unknown[]) => {
      if (EVENTS.has(event)) return;
      const name = String(event).slice(0, 100);
      const answer = acknowledgementFor(connected, name, rest.at(-1));
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
    const answer = acknowledgementFor<SessionOpened>(connected, 'session:open', ack);
    const request = parsePayload(sessionOpen, payload);
    if ('refusal' in request) answer({ ok: false, ...request.refusal });
    else if (!ack) answer({ ok: false, ...refuse('invalid', 'needs an acknowledgement function') });
    else if (request.value.at === undefined) connected.sessions.open(request.value, answer);
    else void this.#openAt(connected, request.value.sessionId, request.value.at, answer);
  }

  /** A view of what a session was: it takes no room, and nothing follows. */
  async #openAt(
    { socket, writeBuffer }: Connected,
    sessionId: string,
    at: number | string,
    answer: (answer: SessionOpened | Refused) => void,
  ): Promise<void> {
    const moment = typeof at === 'number' ? { revision: at } : { time: comparableInstant(at) };
    const found = await refusalFor(socket, this.keys)
      .then((denied) => denied ?? this.history.open(sessionId, moment))
      .catch((failure: unknown) => problemOf(failure).refusal);
    const answered = 'code' in found ? { ok: false as const, ...found } : found;
    await writeBuffer.whenDrained(() => answer(answered)).catch(() => undefined);
  }

  @SubscribeMessage('session:close')
  close(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const connected = this.#connected.get(socket.id);
    if (!connected) return;
    const answer = acknowledgementFor<{ ok: true }>(connected, 'session:close', ack);
    const request = parsePayload(sessionClose, payload);
    if ('refusal' in request) {
      answer({ ok: false, ...request.refusal });
      return;
    }
    connected.sessions.close(request.value.sessionId);
    answer({ ok: true });
  }

  /** Viewers are notified before the sockets close, and come back one after another. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isLeaving = true;
    this.subscriptions.stop();
    this.#presence.stop();
    const { size } = this.#connected;
    for (const { socket } of this.#connected.values()) {
      const afterMs = reconnectDelayMs(size, Math.random(), this.config.limits);
      socket.emit('leaving', { afterMs });
    }
    await this.flushed();
  }

  /** Resolves once nothing waits for a socket, or when some have not read it for too long. */
  async flushed(): Promise<void> {
    const { stopFlushMs } = this.config.limits;
    const since = performance.now();
    // Closing throws away what waits.
    while (this.pendingBytes > 0 && performance.now() - since < stopFlushMs) await sleep(10);
  }
}
