import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { sessionStream } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import type { EventLog, RecordedEvent } from '../../log/event-log.ts';
import type { Tail } from '../../log/tail.ts';
import { CONFIG, EVENT_LOG, LOGGER, TAIL } from '../../tokens.ts';
import { isShaped } from './agentpipe-shape.ts';
import type { EventStream } from './event-stream.ts';
import { PeerBlocks } from './peer-blocks.ts';
import { PeerStream, type PeerAsked, type PeerParts } from './peer-stream.ts';
import { Streams } from './streams.ts';

/** The stream of AgentPipe's own server, for the pages that were made for it. */
@Injectable()
export class Realtime implements BeforeApplicationShutdown {
  readonly #parts: PeerParts;
  readonly #open = new Set<PeerStream>();
  readonly #unlisten: () => void;
  /** The last events that have a shape, of this process: as AgentPipe's server keeps them. */
  #recent: RecordedEvent[] = [];

  constructor(
    @Inject(CONFIG) private readonly config: Config,
    @Inject(EVENT_LOG) private readonly log: EventLog,
    @Inject(TAIL) tail: Tail,
    @Inject(LOGGER) logger: Logger,
    @Inject(Streams) private readonly streams: Streams,
  ) {
    const { limits } = config;
    this.#parts = {
      ...{ log, tail, limits, streams, blocks: new PeerBlocks(log) },
      recent: (conversationId) =>
        conversationId === undefined ? this.#recent : this.#recentOf(conversationId),
      over: (peer) => this.#open.delete(peer),
      onFault: (fault) => logger.error({ err: fault }, 'realtime stream'),
    };
    this.#unlisten = tail.listen(({ events }) => {
      const shaped = events.filter(isShaped);
      this.#recent = [...this.#recent, ...shaped].slice(-limits.realtimeReplayMax);
      for (const peer of this.#open) peer.wake();
    });
  }

  /** Opens it on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: PeerAsked, stream: EventStream, request: FastifyRequest): Promise<void> {
    return this.streams.start(stream, () => {
      const peer = new PeerStream(this.#parts, asked, stream);
      this.#open.add(peer);
      void peer.run(() => this.streams.denied(request));
      return peer;
    });
  }

  beforeApplicationShutdown(): void {
    this.#unlisten();
  }

  /** The last events of one conversation that have a shape, as far as its last page goes. */
  async #recentOf(conversationId: string): Promise<RecordedEvent[]> {
    const { readEventsMax: limit, realtimeReplayMax } = this.config.limits;
    const stream = sessionStream(conversationId);
    const last = await this.log.last(stream);
    if (!last) return [];
    const page = await this.log.read(stream, { after: last.revision - limit, limit });
    return page.filter(isShaped).slice(-realtimeReplayMax);
  }
}
