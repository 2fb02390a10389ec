import type { SessionFrame, SessionOpen } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { SessionAudience, SessionViewer } from '../../live/session/session-viewer.ts';
import { message, named, retryAfter } from './blocks.ts';
import type { EventStream } from './event-stream.ts';
import { sessionCursor } from './ids.ts';
import { Rooms } from './rooms.ts';
import type { Streams } from './streams.ts';

/** A session's events as a stream. */
export class SessionStreams {
  readonly #rooms = new Rooms();
  readonly #audience: SessionAudience = {
    broadcast: (frame) => this.#rooms.write(frame.sessionId, blocksOf(frame)),
  };

  constructor(
    private readonly feed: SessionSubscriptions,
    private readonly streams: Streams,
  ) {}

  /** Opens a session on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: SessionOpen, stream: EventStream, request: FastifyRequest): Promise<void> {
    return this.streams.start(stream, () =>
      this.feed.open(asked, this.#viewer(asked, stream, request)),
    );
  }

  #viewer({ sessionId }: SessionOpen, stream: EventStream, request: FastifyRequest): SessionViewer {
    const { streams } = this;
    const rooms = this.#rooms;
    const write = (blocks: string): void => stream.write(Buffer.from(blocks));
    return {
      audience: this.#audience,
      denied: () => streams.denied(request),
      whenDrained: (work) => stream.inTurn(work),
      opened: ({ ok: _, ...opened }) => {
        const id = sessionCursor(opened.revision, opened.eventId ?? '');
        stream.opened(retryAfter(streams.retryMs) + (opened.view ? named('view', opened, id) : ''));
      },
      refused: (refusal) => streams.refuse(stream, refusal),
      send: (frame) => write(blocksOf(frame)),
      join: () => rooms.join(sessionId, stream),
      behind: (revision) => {
        rooms.leave(sessionId, stream);
        write(named('behind', { revision }));
      },
      leave: () => rooms.leave(sessionId, stream),
      hasRoomFor: (bytes) => stream.hasRoomFor(bytes),
      closed: (refusal, revision) => streams.close(stream, refusal, { revision }),
    };
  }
}

const blocksOf = ({ events, through, caughtUp }: SessionFrame): string =>
  events.map((event) => message(sessionCursor(event.revision, event.id), event)).join('') +
  (caughtUp ? named('caught-up', { revision: through }) : '');
