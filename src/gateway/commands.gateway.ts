import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, type BeforeApplicationShutdown } from '@nestjs/common';
import {
  Ack,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
} from '@nestjs/websockets';
import {
  commandTypes,
  refuse,
  socketCommand,
  type CommandDone,
  type Refused,
  type RequestedCommand,
} from '@playhead/contract';
import type { Authenticator } from '../access/principal.ts';
import type { Config } from '../config.ts';
import { problemOf } from '../http/problem.ts';
import type { CommandRequests } from '../commands/command-requests.ts';
import { CONFIG, KEYS, COMMAND_REQUESTS } from '../tokens.ts';
import { admitted, clientOf } from './admission.ts';
import { parsePayload, cleansed } from './payloads.ts';
import type { ViewerSocket } from './open-sessions.ts';
import { SessionsGateway } from './sessions.gateway.ts';

/** Commands over the socket: the same ones, with the same refusals, as over HTTP. */
@WebSocketGateway()
export class CommandsGateway implements BeforeApplicationShutdown {
  readonly #running = new Set<Promise<void>>();
  #isLeaving = false;

  constructor(
    @Inject(SessionsGateway) private readonly sockets: SessionsGateway,
    @Inject(KEYS) private readonly keys: Authenticator,
    @Inject(COMMAND_REQUESTS) private readonly requests: CommandRequests,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  @SubscribeMessage('command')
  command(
    @ConnectedSocket() socket: ViewerSocket,
    @MessageBody() payload: unknown,
    @Ack() ack: unknown,
  ): void {
    const answer = this.sockets.acknowledgementFor<CommandDone>(socket, 'command', ack);
    if (!answer) return;
    if (this.#isLeaving) {
      answer({ ok: false, ...refuse('shutting-down') });
      return;
    }
    const running = this.#take(socket, payload)
      .then(answer, (failure: unknown) => answer({ ok: false, ...problemOf(failure).refusal }))
      .finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Who has asked gets the answer before the sockets close, unless it takes too long. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isLeaving = true;
    const impatience = new AbortController();
    const grace = sleep(this.config.limits.shutdownGraceMs, undefined, impatience);
    await Promise.race([Promise.all(this.#running), grace.catch(() => undefined)]);
    impatience.abort();
    await this.sockets.flushed();
  }

  async #take(socket: ViewerSocket, payload: unknown): Promise<CommandDone | Refused> {
    const asker = await admitted(socket, this.keys, 'write');
    if ('refusal' in asker) return { ok: false, ...asker.refusal };
    const { value, replaced } = cleansed(payload);
    const envelope = parsePayload(socketCommand, value);
    if ('refusal' in envelope) return { ok: false, ...envelope.refusal };
    const { id, sessionId, type, data, expected } = envelope.value;
    if (sessionId === undefined && type !== 'session.start') {
      return { ok: false, ...refuse('invalid', 'sessionId: required', 'sessionId') };
    }
    const body = parsePayload(commandTypes[type], data ?? {});
    if ('refusal' in body) return { ok: false, ...body.refusal };
    // The schema was chosen by the type, which the compiler cannot follow.
    const command = { type, data: body.value } as RequestedCommand;
    const { id: actor } = asker.principal;
    const client = clientOf(socket);
    const asked = { actor, client, sessionId, command, key: id, expected, replaced };
    const done = await this.requests.request(asked);
    return { ok: true, ...done };
  }
}
