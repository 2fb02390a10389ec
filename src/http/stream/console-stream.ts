import type { ConsoleFrame, ConsoleOpen } from '@playhead/contract';
import type { FastifyRequest } from 'fastify';
import type { ConsoleSubscriptions } from '../../live/console/console-subscriptions.ts';
import type { ConsoleAudience, ConsoleViewer } from '../../live/console/console-viewer.ts';
import { cursorOnly, message, named, retryAfter } from './blocks.ts';
import type { EventStream } from './event-stream.ts';
import { logCursor } from './ids.ts';
import { Rooms } from './rooms.ts';
import type { Streams } from './streams.ts';

/** The events of all sessions as a stream. */
export class ConsoleStreams {
  readonly #rooms = new Rooms();
  readonly #audience: ConsoleAudience = {
    broadcast: (room, frame) => this.#rooms.write(room, blocksOf(frame, this.epoch)),
  };

  constructor(
    private readonly console: ConsoleSubscriptions,
    private readonly epoch: string,
    private readonly streams: Streams,
  ) {}

  /** Opens the list on an admitted stream; rejects with the refusal when it is not opened. */
  open(asked: ConsoleOpen, stream: EventStream, request: FastifyRequest): Promise<void> {
    const open = { ...asked, events: true };
    return this.streams.start(stream, () => this.console.open(open, this.#viewer(stream, request)));
  }

  #viewer(stream: EventStream, request: FastifyRequest): ConsoleViewer {
    const { epoch, streams } = this;
    const rooms = this.#rooms;
    const write = (blocks: string): void => stream.write(Buffer.from(blocks));
    return {
      audience: this.#audience,
      denied: () => streams.denied(request),
      whenDrained: (work) => stream.inTurn(work),
      opened: ({ ok: _, ...opened }) => {
        const id = logCursor(opened.position, epoch);
        stream.opened(
          retryAfter(streams.retryMs) +
            (opened.sessions ? named('view', opened, id) : cursorOnly(id)),
        );
      },
      refused: (refusal) => streams.refuse(stream, refusal),
      send: (frame) => write(blocksOf(frame, epoch)),
      join: (room) => rooms.join(room, stream),
      behind: (room, position) => {
        rooms.leave(room, stream);
        write(named('behind', { position }));
      },
      leave: (room) => rooms.leave(room, stream),
      hasRoomFor: (bytes) => stream.hasRoomFor(bytes),
      closed: (refusal, position) => streams.close(stream, refusal, { position }),
    };
  }
}

/** Where the frame ends beyond its last event, the id goes on all the same. */
function blocksOf({ events = [], through, caughtUp }: ConsoleFrame, epoch: string): string {
  const last = events.at(-1)?.position;
  return (
    events.map((event) => message(logCursor(event.position, epoch), event)).join('') +
    (last === through ? '' : cursorOnly(logCursor(through, epoch))) +
    (caughtUp ? named('caught-up', { position: through }) : '')
  );
}
