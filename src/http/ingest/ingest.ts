import type { EventData, EventMeta } from '@playhead/contract';
import type { CommandHandler } from '../../commands/command-handler.ts';
import { NO_STREAM, type EventLog } from '../../log/event-log.ts';
import { parseJson } from '../json-body.ts';
import { Problem } from '../problem.ts';
import { cliEvent, type CliEvent } from '../../importing/agentpipe/agentpipe-schema.ts';
import type { Admission } from './ingest-rate-limit.ts';
import {
  messageId,
  reported,
  type ConversationEvent,
} from '../../importing/agentpipe/reported-commands.ts';
import { idOfText } from '../../importing/imported-entry.ts';

/** What a producer gets for one event. */
export interface IngestAnswer {
  /** 200 or 201: the AgentPipe CLI takes anything else for a failure. */
  readonly status: 200 | 201;
  readonly body: Readonly<Record<string, unknown>>;
  /** Another message had this id; the first one stands. */
  readonly keptFirst?: boolean;
}

/** How long a message may be, and the clock. */
export interface IngestOptions {
  readonly messageCharactersMax: number;
  readonly now: () => Date;
}

type BridgeEvent = Exclude<CliEvent, ConversationEvent>;
type BridgeFact =
  | { type: 'bridge.connected'; data: EventData<'bridge.connected'> }
  | { type: 'bridge.tested'; data: EventData<'bridge.tested'> };

/** Takes events of the AgentPipe CLI, one body each, and answers once they are durable. */
export class Ingest {
  readonly #schema: ReturnType<typeof cliEvent>;

  constructor(
    private readonly commands: CommandHandler,
    private readonly log: EventLog,
    private readonly options: IngestOptions,
  ) {
    this.#schema = cliEvent(options.messageCharactersMax);
  }

  /**
   * Takes one event as it was sent. Throws `Problem` (nothing stored), or what the write path
   * throws.
   */
  async take(raw: string, actor: string, admission: Admission): Promise<IngestAnswer> {
    const body = raw.trim();
    const { event, replaced } = this.#read(body);
    return isBridge(event)
      ? this.#takeBridge(event, body, actor, admission)
      : this.#takeConversation(event, body, actor, replaced, admission);
  }

  #read(body: string): { event: CliEvent; replaced: number } {
    const { value, replaced } = parseJson(body);
    const read = this.#schema.safeParse(value);
    if (!read.success) throw Problem.ofIssues(read.error.issues);
    return { event: read.data, replaced };
  }

  async #takeConversation(
    event: ConversationEvent,
    body: string,
    actor: string,
    replaced: number,
    admission: Admission,
  ): Promise<IngestAnswer> {
    const sessionId = event.data.conversation_id;
    const { keptFirst } = await this.commands.handle({
      id: idOfText(body),
      sessionId,
      actor,
      command: reported(event, body),
      occurredAt: event.timestamp,
      bytes: body.length,
      replaced,
      admit: () => admission.admit(sessionId),
    });
    switch (event.type) {
      case 'conversation.started':
        return { status: 201, body: { conversation_id: sessionId } };
      case 'message.created': {
        const message_id = messageId(event.data, body);
        return { status: keptFirst ? 200 : 201, body: { message_id }, keptFirst };
      }
      case 'conversation.completed':
      case 'conversation.error':
        return { status: 200, body: { success: true } };
    }
  }

  /** Decides nothing: the body is the event's identity, so a retry finds it there already. */
  async #takeBridge(
    event: BridgeEvent,
    body: string,
    actor: string,
    admission: Admission,
  ): Promise<IngestAnswer> {
    const id = idOfText(body);
    const stream = `bridge-${id}`;
    const receivedAt = this.options.now().toISOString();
    if (!(await this.log.last(stream))) {
      await admission.admit(`bridge ${actor}`);
      const meta: EventMeta = { at: receivedAt, occurredAt: event.timestamp, actor, commandId: id };
      const fact = bridgeFact(event);
      await this.log.append({
        stream,
        expected: NO_STREAM,
        events: [{ id, v: 1, ...fact, meta }],
      });
    }
    const what =
      event.type === 'bridge.test' ? 'Bridge test successful' : 'Bridge connection registered';
    return { status: 200, body: { success: true, message: what, received_at: receivedAt } };
  }
}

const isBridge = (event: CliEvent): event is BridgeEvent =>
  event.type === 'bridge.connected' || event.type === 'bridge.test';

function bridgeFact(event: BridgeEvent): BridgeFact {
  if (event.type === 'bridge.connected') {
    const { system_info, connected_at, ...extra } = event.data;
    return {
      type: 'bridge.connected',
      data: { systemInfo: system_info, connectedAt: connected_at, extra },
    };
  }
  const { system_info, message, ...extra } = event.data;
  return {
    type: 'bridge.tested',
    data: {
      ...(typeof message === 'string' && { message }),
      ...(system_info && { systemInfo: system_info }),
      extra,
    },
  };
}
