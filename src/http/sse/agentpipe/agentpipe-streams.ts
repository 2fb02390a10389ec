import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { sessionIdOf, sessionStream } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../../config.ts';
import { START, type EventLog, type RecordedEvent } from '../../../log/event-log.ts';
import type { Tail } from '../../../log/tail.ts';
import { CONFIG, EVENT_LOG, LOGGER, TAIL } from '../../../tokens.ts';
import { asSessionEvent } from '../../../live/frames.ts';
import { hasAgentPipeShape, shapeOfBridge, shapeOfEvent } from './event-shape.ts';
import type { EventStream } from '../event-stream.ts';
import { AgentPipeEncoder } from './event-encoder.ts';
import {
  AgentPipeStream,
  type AgentPipeRequest,
  type AgentPipeContext,
} from './agentpipe-stream.ts';
import { OpenStreams } from '../open-streams.ts';

/** What AgentPipe's server says of its streams: conversations are counted that somebody follows. */
export interface RealtimeStats {
  readonly instanceId: string;
  readonly globalListeners: number;
  readonly conversationListeners: number;
  readonly totalListeners: number;
  readonly bufferedEvents: number;
  readonly bufferCapacity: number;
}

/** Which event was streamed, without its data. */
export interface BufferedEvent {
  readonly type: string;
  readonly timestamp: string;
  readonly conversationId: string | null;
  readonly dataKeys: readonly string[];
}

function bufferedEvent(event: RecordedEvent): BufferedEvent {
  const conversationId = sessionIdOf(event.stream);
  const shaped =
    conversationId === undefined ? shapeOfBridge(event) : shapeOfEvent(asSessionEvent(event), []);
  return {
    type: shaped?.type ?? event.type,
    timestamp: shaped?.timestamp ?? event.meta.at,
    conversationId: conversationId ?? null,
    dataKeys: Object.entries(shaped?.data ?? {})
      .filter(([, value]) => value !== undefined)
      .map(([key]) => key),
  };
}

/** The stream of AgentPipe's own server, for the pages that were made for it. */
@Injectable()
export class AgentPipeStreams implements BeforeApplicationShutdown {
  readonly #context: AgentPipeContext;
  readonly #open = new Set<AgentPipeStream>();
  readonly #unlisten: () => void;
  /** Where the last events lie that have a shape, and the place before them, in this process. */
  #recent: string[];
  /** The same events, without what they hold. */
  #buffered: BufferedEvent[] = [];
  readonly #instanceId = randomUUID();

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
      const shaped = events.filter(hasAgentPipeShape).slice(-limits.realtimeReplayMax);
      if (shaped.length > 0) {
        const positions = shaped.map(({ position }) => position);
        this.#recent = [...this.#recent, ...positions].slice(-limits.realtimeReplayMax - 1);
        const buffered = shaped.map(bufferedEvent);
        this.#buffered = [...this.#buffered, ...buffered].slice(-limits.realtimeReplayMax);
      }
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

  /** How many clients of this node there are, and how many events they begin with. */
  get stats(): RealtimeStats {
    const streams = [...this.#open];
    const followed = streams.flatMap(({ conversationId }) => conversationId ?? []);
    return {
      instanceId: this.#instanceId,
      globalListeners: streams.length - followed.length,
      conversationListeners: new Set(followed).size,
      totalListeners: streams.length,
      bufferedEvents: this.#buffered.length,
      bufferCapacity: this.config.limits.realtimeReplayMax,
    };
  }

  /** The events that clients begin with, oldest first. */
  get bufferedEvents(): readonly BufferedEvent[] {
    return this.#buffered;
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
