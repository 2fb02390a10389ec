import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { refuse, type Refusal } from '@playhead/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AllowedOrigins } from '../../access/allowed-origins.ts';
import { Connections } from '../../access/connections.ts';
import type { Authenticator } from '../../access/principal.ts';
import type { Revocations } from '../../access/revocations.ts';
import type { Config } from '../../config.ts';
import { ALLOWED_ORIGINS, CONFIG, KEYS, REVOCATIONS } from '../../tokens.ts';
import { reconnectDelayMs } from '../../live/reconnect-delay.ts';
import { authenticateRequest, principalOf } from '../request-hooks.ts';
import { Problem, problemOf } from '../problem.ts';
import { HEARTBEAT } from './sse-format.ts';
import { EventStream, type StreamSubscription } from './event-stream.ts';

/** After how many seconds a key that has too many streams open may try again. */
const RETRY_AFTER_S = 1;

/**
 * All open streams (server-sent events) of the node: how many a key may have, and how they end.
 *
 * Read `streams.controller.ts` first in the folder, then `session-streams.ts` and
 * `console-streams.ts` (subscriptions over SSE), `event-stream.ts` (one response) and
 * `sse-format.ts`. `agentpipe/` has the stream in the form of AgentPipe's own server.
 */
@Injectable()
export class OpenStreams implements BeforeApplicationShutdown {
  readonly #open: Connections<EventStream>;
  readonly #stops: (() => void)[] = [];
  #isStopped = false;
  /** How many there were when the service began to stop. */
  #leaving: number | undefined;

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(ALLOWED_ORIGINS) private readonly origins: AllowedOrigins,
    @Inject(REVOCATIONS) revocations: Revocations,
  ) {
    const { keyRecheckMs, streamHeartbeatMs } = config.limits;
    this.#open = new Connections(config.socketsPerKey);
    const revoked = refuse('unauthenticated', 'the key was revoked');
    const end = (principalId: string): void => closeAll(this.#open.of(principalId), revoked);
    this.#stops.push(revocations.watch(this.#open, end, keyRecheckMs));
    const heartbeat = setInterval(() => this.#beat(), streamHeartbeatMs);
    this.#stops.push(() => clearInterval(heartbeat));
  }

  /** Streams that are open or being opened. */
  get count(): number {
    return this.#open.count;
  }

  /** Bytes that wait for slow clients, of all streams together. */
  get pendingBytes(): number {
    let sum = 0;
    for (const stream of this.#open) sum += stream.pending;
    return sum;
  }

  /** Counts a stream of the request's principal until it is over. Throws when it has too many. */
  admit(request: FastifyRequest, reply: FastifyReply): EventStream {
    const { id } = principalOf(request);
    const stream: EventStream = new EventStream(reply, this.config.limits, () =>
      this.#open.remove(id, stream),
    );
    if (this.#open.add(id, stream)) return stream;
    const message = `at most ${this.config.socketsPerKey} streams with one key`;
    throw new Problem('too-many-sockets', message, undefined, RETRY_AFTER_S);
  }

  /** Why the request's key may not read any more; undefined while it may. */
  denied(request: FastifyRequest): Promise<Refusal | undefined> {
    return authenticateRequest(request, this.keys, this.origins).then(
      () => undefined,
      (failure: unknown) => problemOf(failure).refusal,
    );
  }

  /** How long the client of a stream waits before it comes back; another time for each. */
  get retryMs(): number {
    return this.config.limits.streamRetryMs * (1 + Math.random());
  }

  /** Begins to deliver on an admitted stream; rejects with the refusal when it is not opened. */
  start(stream: EventStream, begin: () => StreamSubscription): Promise<void> {
    return stream.start(() => {
      if (!this.#isStopped) return begin();
      this.refuse(stream, refuse('shutting-down'));
      return undefined;
    });
  }

  /**
   * Refuses what was not opened. `EventSource` gives up for good when it is refused. It must not do
   * so because it came back to a node that stops, so it is let in and notified like one that was
   * there.
   */
  refuse(stream: EventStream, refusal: Refusal): void {
    if (refusal.code !== 'shutting-down') {
      stream.refused(refusal);
      return;
    }
    stream.opened('');
    this.close(stream, refusal, {});
  }

  /** Ends a stream with the reason and what the client needs to go on. */
  close(stream: EventStream, refusal: Refusal, about: Readonly<Record<string, unknown>>): void {
    const isLeaving = refusal.code === 'shutting-down';
    stream.closed({ ...refusal, ...about }, isLeaving ? this.#returnMs() : undefined);
  }

  beforeApplicationShutdown(): void {
    this.#isStopped = true;
    for (const stop of this.#stops.splice(0)) stop();
    closeAll([...this.#open], refuse('shutting-down'));
  }

  #returnMs(): number {
    this.#leaving ??= this.count;
    return this.retryMs + reconnectDelayMs(this.#leaving, Math.random(), this.config.limits);
  }

  #beat(): void {
    for (const stream of this.#open) if (stream.pending === 0) stream.write(HEARTBEAT);
  }
}

function closeAll(streams: readonly EventStream[], refusal: Refusal): void {
  for (const stream of streams) stream.close(refusal);
}
