import type { ConsoleFrame, ConsoleOpen } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { ConsoleSubscriptions } from '../../live/console/console-subscriptions.ts';
import type { ConsoleAudience, ConsoleViewer } from '../../live/console/console-viewer.ts';
import { cursorOnly, messageEvent, namedEvent, retryAfter } from './sse-format.ts';
import type { EventStream } from './event-stream.ts';
import { logCursor } from './event-ids.ts';
import { StreamRooms } from './stream-rooms.ts';
import type { OpenStreams } from './open-streams.ts';

/** The events of all sessions as a stream. */
export class ConsoleStreams {
  readonly #rooms = new StreamRooms();
  readonly #audience: ConsoleAudience = {
    broadcast: (room, frame) => this.#rooms.write(room, encodeFrame(frame, this.epoch)),
  };

  constructor(
    private readonly console: ConsoleSubscriptions,
    private readonly epoch: string,
    private readonly streams: OpenStreams,
  ) {}

  /** Opens the list on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: ConsoleOpen, stream: EventStream, request: FastifyRequest): Promise<void> {
    const open = { ...asked, events: true };
    return this.streams.start(stream, () => this.console.open(open, this.#viewer(stream, request)));
  }

  #viewer(stream: EventStream, request: FastifyRequest): ConsoleViewer {
    const { epoch, streams } = this;
    const rooms = this.#rooms;
    const write = (text: string): void => stream.write(Buffer.from(text));
    return {
      audience: this.#audience,
      denied: () => streams.denied(request),
      whenDrained: (work) => stream.whenDrained(work),
      opened: ({ ok: _, ...opened }) => {
        const id = logCursor(opened.position, epoch);
        stream.opened(
          retryAfter(streams.retryMs) +
            (opened.sessions ? namedEvent('view', opened, id) : cursorOnly(id)),
        );
      },
      refused: (refusal) => streams.refuse(stream, refusal),
      send: (frame) => write(encodeFrame(frame, epoch)),
      join: (room) => rooms.join(room, stream),
      behind: (room, position) => {
        rooms.leave(room, stream);
        write(namedEvent('behind', { position }));
      },
      leave: (room) => rooms.leave(room, stream),
      hasRoomFor: (bytes) => stream.hasRoomFor(bytes),
      closed: (refusal, position) => streams.close(stream, refusal, { position }),
    };
  }
}

/** Where the frame ends beyond its last event, the id goes on all the same. */
function encodeFrame({ events = [], through, caughtUp }: ConsoleFrame, epoch: string): string {
  const last = events.at(-1)?.position;
  return (
    events.map((event) => messageEvent(logCursor(event.position, epoch), event)).join('') +
    (last === through ? '' : cursorOnly(logCursor(through, epoch))) +
    (caughtUp ? namedEvent('caught-up', { position: through }) : '')
  );
}
