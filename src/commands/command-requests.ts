import { hash, randomUUID } from 'node:crypto';
import {
  extended,
  sessionStream,
  type CommandAnswer,
  type CommandType,
  type RequestedCommand,
} from '@playhead/contract';
import { v5 } from 'uuid';
import { ChunkWindow, type ChunkWindowLimits } from './chunk-window.ts';
import {
  CommandRefused,
  type AskedCommand,
  type CommandHandler,
  type CommandOutcome,
} from './command-handler.ts';
import type { EventLog } from '../log/event-log.ts';

/** A command as a person or program asks for it. */
export interface CommandAsked {
  /** Who asks, as `meta.actor` names them. */
  readonly actor: string;
  /** A secret of the client that asks: its keys are its own, whoever it is by then. */
  readonly client?: string | undefined;
  /** Only a start may leave it out: the service makes one. */
  readonly sessionId?: string | undefined;
  readonly command: RequestedCommand;
  /** The same key again means the same command; without a key, two requests are two commands. */
  readonly key?: string | undefined;
  /** Taken only at this revision of the session. */
  readonly expected?: number | undefined;
  readonly replaced?: number | undefined;
}

/** Where the attachments are that commands refer to. */
export interface ReferredAttachments {
  /** Keeps some from being removed for a while. Answers which of them are not stored. */
  renew(hashes: readonly string[]): Promise<readonly string[]>;
}

const NAMESPACE = '5b0a0f4e-1c53-5d0e-8f43-0c7d3b9d2a61';

/**
 * Where requested commands enter: they get their ids, chunks are gathered, and positions are
 * answered.
 */
export class CommandRequests {
  readonly #chunks: ChunkWindow<CommandOutcome>;

  constructor(
    private readonly commands: CommandHandler,
    private readonly log: EventLog,
    limits: ChunkWindowLimits,
    private readonly attachments: ReferredAttachments,
  ) {
    this.#chunks = new ChunkWindow((key, chunks) => {
      const { sessionId, messageId, actor } = JSON.parse(key) as ChunkKey;
      const command = { type: 'append-chunks' as const, messageId, chunks };
      const bytes = chunks.reduce((sum, { text }) => sum + text.length, 0);
      return this.commands.handle({ id: randomUUID(), sessionId, actor, command, bytes });
    }, limits);
  }

  /** Resolves once the command is durable. Throws what the write path throws. */
  async request(asked: CommandAsked): Promise<CommandAnswer> {
    const { key, command } = asked;
    const id = key === undefined ? randomUUID() : idOf(asked, key);
    const sessionId = asked.sessionId ?? id;
    const outcome = await this.#handle(extended(asked, { sessionId }), id);
    return {
      sessionId,
      revision: outcome.revision,
      position: outcome.position ?? (await this.#positionOf(sessionId, outcome.revision)),
      appended: outcome.appended,
      ...made(command, id),
    };
  }

  #handle(asked: CommandAsked & { sessionId: string }, id: string): Promise<CommandOutcome> {
    const { actor, sessionId, command, key, expected, replaced } = asked;
    if (command.type === 'message.append') {
      const { messageId, index, text } = command.data;
      return this.#chunks.add(chunkKey({ sessionId, messageId, actor }), { index, text });
    }
    if (command.type === 'message.complete' || command.type === 'message.fail') {
      const { messageId } = command.data;
      this.#chunks.flush(chunkKey({ sessionId, messageId, actor }));
    }
    const body = JSON.stringify(command);
    return this.commands.handle({
      id,
      sessionId,
      actor,
      command: command satisfies AskedCommand,
      expected,
      digest: key === undefined ? undefined : digestOf(body),
      bytes: body.length,
      replaced,
      ...this.#admission(command),
    });
  }

  /**
   * What a command refers to must be there when it appends, and stay until that is projected. A
   * repeated command appends nothing, and is not asked.
   */
  #admission({ data }: RequestedCommand): { admit?: () => Promise<void> } {
    const attachments = 'attachments' in data ? data.attachments : undefined;
    if (!attachments?.length) return {};
    const hashes = attachments.map(({ hash }) => hash);
    const admit = async (): Promise<void> => {
      const missing = await this.attachments.renew(hashes);
      const nth = hashes.findIndex((hash) => missing.includes(hash));
      if (nth < 0) return;
      const field = `attachments.${nth}.hash`;
      throw new CommandRefused('invalid', `${field}: no attachment is stored under it`, field);
    };
    return { admit };
  }

  /** Of a command whose append was not this one: its event is in the log. */
  async #positionOf(sessionId: string, revision: number): Promise<string> {
    const [event] = await this.log.read(sessionStream(sessionId), {
      after: revision - 1,
      limit: 1,
    });
    return event?.position ?? '';
  }
}

/** No other principal gets the same id from this key, or learns whether it was used. */
const idOf = ({ actor, client, sessionId }: CommandAsked, key: string): string =>
  v5(
    JSON.stringify(client ? ['client', client, sessionId, key] : [actor, sessionId, key]),
    NAMESPACE,
  );

interface ChunkKey {
  readonly sessionId: string;
  readonly messageId: string;
  readonly actor: string;
}

const chunkKey = ({ sessionId, messageId, actor }: ChunkKey): string =>
  JSON.stringify({ sessionId, messageId, actor });

const digestOf = (body: string): string => hash('sha256', body, 'base64url').slice(0, 16);

function made(command: RequestedCommand, id: string): { messageId?: string; callId?: string } {
  const makesMessage: readonly CommandType[] = ['message.post', 'message.start'];
  const { data } = command;
  if ('messageId' in data && data.messageId && command.type !== 'tool.call') {
    return { messageId: data.messageId };
  }
  if (makesMessage.includes(command.type)) return { messageId: id };
  if (command.type === 'tool.call') return { callId: command.data.callId ?? id };
  return 'callId' in data && data.callId ? { callId: data.callId } : {};
}
