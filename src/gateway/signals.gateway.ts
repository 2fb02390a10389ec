import { Inject } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { refuse, signal, type Refusal, type SessionSignal, type Signal } from '@playhead/contract';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { Authenticator } from '../access/principal.ts';
import type { Config } from '../config.ts';
import { Typing } from '../live/presence/typing.ts';
import type { Nodes } from '../nodes/nodes.ts';
import { CONFIG, KEYS, NODES } from '../tokens.ts';
import { admitted, principalOf } from './admission.ts';
import { parsePayload, cleansed } from './payloads.ts';
import type { ViewerSocket } from './open-sessions.ts';
import { SessionsGateway } from './sessions.gateway.ts';

/** What viewers of a session tell each other; it passes through the nodes and is kept nowhere. */
@WebSocketGateway()
export class SignalsGateway implements OnGatewayInit {
  readonly #typing = new Map<string, Typing>();
  readonly #ofSocket: RateLimiterMemory;
  readonly #inSession: RateLimiterMemory;

  constructor(
    @Inject(SessionsGateway) private readonly sockets: SessionsGateway,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(CONFIG) private readonly config: Config,
    @Inject(NODES) private readonly nodes: Nodes,
  ) {
    const { signalsPerSecond, sessionSignalsPerSecond } = config.limits;
    this.#ofSocket = new RateLimiterMemory({ points: signalsPerSecond, duration: 1 });
    this.#inSession = new RateLimiterMemory({ points: sessionSignalsPerSecond, duration: 1 });
  }

  afterInit(): void {
    this.nodes.listen({
      received: (_, message) => {
        if (message.type === 'signal') void this.#pass(message.signal);
      },
    });
  }

  @SubscribeMessage('signal')
  signal(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const answer = this.sockets.acknowledgementFor<{ ok: true }>(socket, 'signal', ack);
    if (!answer) return;
    void this.#take(socket, payload).then((refusal) => {
      answer(refusal ? { ok: false, ...refusal } : { ok: true });
    });
  }

  async #take(socket: ViewerSocket, payload: unknown): Promise<Refusal | undefined> {
    const asker = await admitted(socket, this.keys, 'write');
    if ('refusal' in asker) return asker.refusal;
    const request = parsePayload(signal, cleansed(payload).value);
    if ('refusal' in request) return request.refusal;
    const { sessionId, data } = request.value;
    const { signalBytesMax } = this.config.limits;
    if (data && Buffer.byteLength(JSON.stringify(data)) > signalBytesMax) {
      return refuse('too-large', `data: at most ${signalBytesMax} bytes`, 'data');
    }
    if (!(await isWithin(this.#ofSocket, socket.id))) return refuse('rate-limited');
    // Asked last: nothing may come between this and the sending.
    const hasRoom = await isWithin(this.#inSession, sessionId);
    if (!this.sockets.hasOpen(socket, sessionId)) {
      return refuse('refused', 'open the session first', 'sessionId');
    }
    if (!hasRoom) return refuse('rate-limited', 'too many signals in this session');
    this.#send(socket, request.value);
    return undefined;
  }

  #send(socket: ViewerSocket, { sessionId, kind, active, data }: Signal): void {
    const typing = this.#typingOf(socket);
    const now = Date.now();
    const expiresInMs = active === false ? 0 : typing.start(sessionId, now);
    if (active === false) typing.stop(sessionId, now);
    this.#broadcast(socket, { sessionId, kind, ...(data && { data }), expiresInMs });
  }

  /** To everybody else who has the session open, here and on other nodes. */
  #broadcast(socket: ViewerSocket, payload: Omit<SessionSignal, 'from'>): void {
    const signal = { ...payload, from: principalOf(socket) };
    this.sockets.broadcasts.signal(signal, socket.id);
    if (this.nodes.others > 0) this.nodes.send({ type: 'signal', signal });
  }

  /** A signal of another node; it counts as one in the session, as it would have here. */
  async #pass(signal: SessionSignal): Promise<void> {
    if (!this.sockets.broadcasts.hasMembers(signal.sessionId)) return;
    if (await isWithin(this.#inSession, signal.sessionId)) this.sockets.broadcasts.signal(signal);
  }

  #typingOf(socket: ViewerSocket): Typing {
    const known = this.#typing.get(socket.id);
    if (known) return known;
    const typing = new Typing(this.config.limits.typingMs);
    this.#typing.set(socket.id, typing);
    socket.once('disconnect', () => {
      this.#typing.delete(socket.id);
      for (const sessionId of typing.in(Date.now())) {
        this.#broadcast(socket, { sessionId, kind: 'typing', expiresInMs: 0 });
      }
    });
    return typing;
  }
}

/** Counts one more; false when that is one too many. */
async function isWithin(limiter: RateLimiterMemory, key: string): Promise<boolean> {
  try {
    await limiter.consume(key);
    return true;
  } catch (spent) {
    if (spent instanceof RateLimiterRes) return false;
    throw spent;
  }
}
