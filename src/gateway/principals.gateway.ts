import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayInit } from '@nestjs/websockets';
import { refuse, type Refusal } from '@playhead/contract';
import type { Server } from 'socket.io';
import { RateLimit } from '../access/rate-limit.ts';
import type { Authenticator } from '../access/principal.ts';
import type { Revocations } from '../access/revocations.ts';
import type { Config } from '../config.ts';
import { CONFIG, KEYS, REVOCATIONS } from '../tokens.ts';
import { admitted } from './admission.ts';
import { PrincipalSockets } from './principal-sockets.ts';
import { SessionsGateway } from './sessions.gateway.ts';
import type { ViewerSocket } from './open-sessions.ts';
import { terminate } from './unauthenticated-sockets.ts';

/** What one principal may have and send on its sockets, and their end when its key is revoked. */
@WebSocketGateway()
export class PrincipalsGateway implements OnGatewayInit, BeforeApplicationShutdown {
  readonly #sockets: PrincipalSockets;
  readonly #messages: RateLimit;
  readonly #opens: RateLimit;
  readonly #stops: (() => void)[] = [];

  constructor(
    @Inject(SessionsGateway) private readonly sessions: SessionsGateway,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(REVOCATIONS) private readonly revocations: Revocations,
    @Inject(CONFIG) private readonly config: Config,
  ) {
    const { limits, requestsPerMinute, socketsPerKey } = config;
    this.#sockets = new PrincipalSockets(socketsPerKey);
    this.#messages = new RateLimit(requestsPerMinute * limits.socketMessagesPerRequest);
    this.#opens = new RateLimit(limits.opensPerMinute);
  }

  afterInit(server: Server): void {
    server.use((socket, next) => {
      void this.#admit(socket).then((refusal) => {
        next(refusal && Object.assign(new Error(refusal.message), { data: refusal }));
      });
    });
    const { keyRecheckMs } = this.config.limits;
    const end = (principalId: string): void => this.#end(principalId);
    this.#stops.push(this.revocations.watch(this.#sockets, end, keyRecheckMs));
  }

  beforeApplicationShutdown(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async #admit(socket: ViewerSocket): Promise<Refusal | undefined> {
    const answer = await admitted(socket, this.keys, 'read');
    if ('refusal' in answer) return answer.refusal;
    const { id } = answer.principal;
    if (!this.#sockets.add(id, socket)) {
      return refuse('too-many-sockets', `at most ${this.config.socketsPerKey} with one key`);
    }
    this.#count(id, socket);
    return undefined;
  }

  /** Lets a socket's messages through, in their order, as long as there are any to spend. */
  #count(principalId: string, socket: ViewerSocket): void {
    let turn = Promise.resolve();
    socket.use(([event, ...rest]: [unknown, ...unknown[]], next) => {
      turn = turn.then(async () => {
        const refusal = await this.#spend(principalId, event);
        if (!refusal) next();
        else
          this.sessions.acknowledgementFor(
            socket,
            nameOf(event),
            rest.at(-1),
          )?.({ ok: false, ...refusal });
      });
    });
  }

  /** Counts one message of a socket; what is wrong when it is one too many. */
  async #spend(principalId: string, event: unknown): Promise<Refusal | undefined> {
    const isOpen = nameOf(event).endsWith(':open');
    for (const allowance of isOpen ? [this.#messages, this.#opens] : [this.#messages]) {
      const { allowed, limit, resetS } = await allowance.consume(principalId);
      if (allowed) continue;
      return refuse('rate-limited', `more than ${limit} a minute; again in ${resetS} s`);
    }
    return undefined;
  }

  #end(principalId: string): void {
    const refusal = refuse('unauthenticated', 'the key was revoked');
    for (const socket of this.#sockets.of(principalId)) {
      this.sessions.closeSessions(socket, refusal);
      socket.emit('refused', { event: 'connect', ...refusal });
      socket.disconnect(true);
      // A client that does not read would otherwise get what waits for it, however late.
      const { conn } = socket;
      setTimeout(() => terminate(conn), this.config.limits.revokedGraceMs).unref();
    }
  }
}

const nameOf = (event: unknown): string => String(event).slice(0, 100);
