import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { sessionStream } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import { START, type EventLog, type RecordedEvent } from '../../log/event-log.ts';
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
  /** Where the last events lie that have a shape, and the place before them, in this process. */
  #recent: string[];

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
      recentFrom: () => this.#recent[0] ?? START,
      recentOf: (conversationId) => this.#recentOf(conversationId),
      over: (peer) => this.#open.delete(peer),
      onFault: (fault) => logger.error({ err: fault }, 'realtime stream'),
    };
    this.#recent = [tail.through];
    this.#unlisten = tail.listen(({ events }) => {
      const shaped = events.filter(isShaped).map(({ position }) => position);
      this.#recent = [...this.#recent, ...shaped].slice(-limits.realtimeReplayMax - 1);
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
  async #recentOf(conversationId: string): Promise<readonly RecordedEvent[]> {
    const { readEventsMax: limit, readBytesMax: bytesMax, realtimeReplayMax } = this.config.limits;
    const stream = sessionStream(conversationId);
    const last = await this.log.last(stream);
    let after = Math.max(-1, (last?.revision ?? -1) - limit);
    let recent: RecordedEvent[] = [];
    for (;;) {
      const page = await this.log.read(stream, { after, limit, bytesMax });
      recent = [...recent, ...page.filter(isShaped)].slice(-realtimeReplayMax);
      const next = page.at(-1)?.revision;
      if (next === undefined || next >= (last?.revision ?? -1)) return recent;
      after = next;
    }
  }
}
