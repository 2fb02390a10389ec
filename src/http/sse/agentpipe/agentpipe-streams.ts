import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { sessionStream } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../../config.ts';
import { START, type EventLog, type RecordedEvent } from '../../../log/event-log.ts';
import type { Tail } from '../../../log/tail.ts';
import { CONFIG, EVENT_LOG, LOGGER, TAIL } from '../../../tokens.ts';
import { hasAgentPipeShape } from './event-shape.ts';
import type { EventStream } from '../event-stream.ts';
import { AgentPipeEncoder } from './event-encoder.ts';
import {
  AgentPipeStream,
  type AgentPipeRequest,
  type AgentPipeContext,
} from './agentpipe-stream.ts';
import { OpenStreams } from '../open-streams.ts';

/** The stream of AgentPipe's own server, for the pages that were made for it. */
@Injectable()
export class AgentPipeStreams implements BeforeApplicationShutdown {
  readonly #context: AgentPipeContext;
  readonly #open = new Set<AgentPipeStream>();
  readonly #unlisten: () => void;
  /** Where the last events lie that have a shape, and the place before them, in this process. */
  #recent: string[];

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(TAIL) tail: Tail,
    @Inject(LOGGER) logger: Logger,
    @Inject(OpenStreams) private readonly streams: OpenStreams,
  ) {
    const { limits } = config;
    this.#context = {
      ...{ log, tail, limits, streams, encoder: new AgentPipeEncoder(log) },
      recentFrom: () => this.#recent[0] ?? START,
      recentOf: (conversationId) => this.#recentOf(conversationId),
      ended: (stream) => this.#open.delete(stream),
      onFault: (fault) => logger.error({ err: fault }, 'realtime stream'),
    };
    this.#recent = [tail.through];
    this.#unlisten = tail.listen(({ events }) => {
      const shaped = events.filter(hasAgentPipeShape).map(({ position }) => position);
      this.#recent = [...this.#recent, ...shaped].slice(-limits.realtimeReplayMax - 1);
      for (const stream of this.#open) stream.wake();
    });
  }

  /** Opens it on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: AgentPipeRequest, stream: EventStream, request: FastifyRequest): Promise<void> {
    return this.streams.start(stream, () => {
      const subscription = new AgentPipeStream(this.#context, asked, stream);
      this.#open.add(subscription);
      void subscription.run(() => this.streams.denied(request));
      return subscription;
    });
  }

  beforeApplicationShutdown(): void {
    this.#unlisten();
  }

  /** The last events of one conversation that have a shape, as far as its last page goes. */
  async #recentOf(conversationId: string): Promise<readonly RecordedEvent[]> {
    const { readEventsMax: limit, readBytesMax: bytesMax, realtimeReplayMax } = this.config.limits;
    const stream = sessionStream(conversationId);
    const last = await this.log.last(stream);
    let after = Math.max(-1, (last?.revision ?? -1) - limit);
    let recent: RecordedEvent[] = [];
    for (;;) {
      const page = await this.log.read(stream, { after, limit, bytesMax });
      recent = [...recent, ...page.filter(hasAgentPipeShape)].slice(-realtimeReplayMax);
      const next = page.at(-1)?.revision;
      if (next === undefined || next >= (last?.revision ?? -1)) return recent;
      after = next;
    }
  }
}
