import type { SessionFrame, SessionOpen } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { SessionAudience, SessionViewer } from '../../live/session/session-viewer.ts';
import { messageEvent, namedEvent, retryAfter } from './sse-format.ts';
import type { EventStream } from './event-stream.ts';
import { sessionCursor } from './event-ids.ts';
import { StreamRooms } from './stream-rooms.ts';
import type { OpenStreams } from './open-streams.ts';

/** A session's events as a stream. */
export class SessionStreams {
  readonly #rooms = new StreamRooms();
  readonly #audience: SessionAudience = {
    broadcast: (frame) => this.#rooms.write(frame.sessionId, encodeFrame(frame)),
  };

  constructor(
    private readonly subscriptions: SessionSubscriptions,
    private readonly streams: OpenStreams,
  ) {}

  /** Opens a session on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: SessionOpen, stream: EventStream, request: FastifyRequest): Promise<void> {
    return this.streams.start(stream, () =>
      this.subscriptions.open(asked, this.#viewer(asked, stream, request)),
    );
  }

  #viewer({ sessionId }: SessionOpen, stream: EventStream, request: FastifyRequest): SessionViewer {
    const { streams } = this;
    const rooms = this.#rooms;
    const write = (text: string): void => stream.write(Buffer.from(text));
    return {
      audience: this.#audience,
      denied: () => streams.denied(request),
      whenDrained: (work) => stream.whenDrained(work),
      opened: ({ ok: _, ...opened }) => {
        const id = sessionCursor(opened.revision, opened.eventId ?? '');
        stream.opened(
          retryAfter(streams.retryMs) + (opened.view ? namedEvent('view', opened, id) : ''),
        );
      },
      refused: (refusal) => streams.refuse(stream, refusal),
      send: (frame) => write(encodeFrame(frame)),
      join: () => rooms.join(sessionId, stream),
      behind: (revision) => {
        rooms.leave(sessionId, stream);
        write(namedEvent('behind', { revision }));
      },
      leave: () => rooms.leave(sessionId, stream),
      hasRoomFor: (bytes) => stream.hasRoomFor(bytes),
      closed: (refusal, revision) => streams.close(stream, refusal, { revision }),
    };
  }
}

const encodeFrame = ({ events, through, caughtUp }: SessionFrame): string =>
  events.map((event) => messageEvent(sessionCursor(event.revision, event.id), event)).join('') +
  (caughtUp ? namedEvent('caught-up', { revision: through }) : '');
