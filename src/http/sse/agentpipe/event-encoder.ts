import { sessionIdOf, sessionStream, type EventData } from '@playhead/contract';
import { asSessionEvent } from '../../../live/frames.ts';
import type { EventLog, RecordedEvent } from '../../../log/event-log.ts';
import {
  hasAgentPipeShape,
  shapeOfBridge,
  shapeOfEvent,
  type AgentPipeEvent,
} from './event-shape.ts';
import { logCursor } from '../event-ids.ts';

/** More participants than the CLI declares at a start. */
const DECLARED_MAX = 256;

/** Events as text in AgentPipe's shape; each is made once for all who are sent it. */
export class AgentPipeEncoder {
  readonly #text = new WeakMap<RecordedEvent, Promise<Buffer | undefined>>();

  constructor(private readonly log: EventLog) {}

  /** Undefined for an event that has no such shape, or is not of the conversation asked for. */
  async encode(event: RecordedEvent, conversationId?: string): Promise<Buffer | undefined> {
    if (conversationId !== undefined && event.stream !== sessionStream(conversationId)) {
      return undefined;
    }
    if (!hasAgentPipeShape(event)) return undefined;
    const known = this.#text.get(event);
    if (known) return known;
    const block = this.#blockOf(event);
    this.#text.set(event, block);
    // What could not be read now is read when it is asked for again.
    block.catch(() => this.#text.delete(event));
    return block;
  }

  async #blockOf(event: RecordedEvent): Promise<Buffer | undefined> {
    const shaped = await this.#shapeOf(event);
    if (!shaped) return undefined;
    // Data before id: whoever reads lines by hand expects it first.
    const id = logCursor(event.position, this.log.epoch);
    return Buffer.from(`data: ${JSON.stringify(shaped)}\nid: ${id}\n\n`);
  }

  async #shapeOf(event: RecordedEvent): Promise<AgentPipeEvent | undefined> {
    if (sessionIdOf(event.stream) === undefined) return shapeOfBridge(event);
    const isStart = event.type === 'session.started';
    const participants = isStart ? await this.#declaredWith(event) : [];
    return shapeOfEvent(asSessionEvent(event), participants);
  }

  /** Participants that one command declared with the start: events of the same append. */
  async #declaredWith(start: RecordedEvent): Promise<EventData<'participant.joined'>[]> {
    const next = await this.log.read(start.stream, { after: start.revision, limit: DECLARED_MAX });
    const end = next.findIndex(
      ({ type, meta }) => type !== 'participant.joined' || meta.commandId !== start.meta.commandId,
    );
    const declared = end < 0 ? next : next.slice(0, end);
    return declared.map(({ data }) => data as EventData<'participant.joined'>);
  }
}
