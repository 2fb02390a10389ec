import { randomUUID } from 'node:crypto';
import type { CommandAnswer, CommandType } from '@playhead/contract';
import { until } from './postgres-process.ts';
import type { RunningService } from './service.ts';

/** A command as it was asked for, to be asked for again with the same key. */
export interface Asked {
  readonly sessionId: string;
  readonly type: CommandType;
  readonly data: object;
  readonly key: string;
}

/** A command that was answered: it is durable. */
export interface Acknowledged extends Asked {
  readonly answer: CommandAnswer;
}

/** Asks once, over HTTP. Throws when it is not taken. */
export async function ask(service: RunningService, asked: Asked): Promise<CommandAnswer> {
  const { sessionId, type, data, key } = asked;
  const isStart = type === 'session.start';
  const path = isStart ? '' : `/${encodeURIComponent(sessionId)}/commands/${type}`;
  const { status, text, body } = await service.request(`/api/sessions${path}`, {
    type: 'application/json',
    headers: { 'idempotency-key': key },
    body: JSON.stringify(isStart ? { ...data, sessionId } : data),
  });
  if (status >= 300) throw new Error(`${type}: ${status} ${text}`);
  return body as CommandAnswer;
}

/** Writers that work on sessions of their own, command after command, until they are stopped. */
export class Load {
  readonly acknowledged: Acknowledged[] = [];
  #isBegun = false;
  #isStopped = false;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(readonly sessionIds: readonly string[]) {}

  /** Starts the sessions, or goes on with them. Each has messages whole and in pieces. */
  start(service: RunningService): void {
    const isFirst = !this.#isBegun;
    this.#isBegun = true;
    this.#isStopped = false;
    this.#writing = Promise.all(this.sessionIds.map((id) => this.#write(service, id, isFirst)));
  }

  /** Resolves once so many commands more have been answered. */
  async answers(more: number): Promise<void> {
    const enough = this.acknowledged.length + more;
    await Promise.race([this.#writing, until(() => this.acknowledged.length >= enough)]);
  }

  /** Lets each writer finish its command. Throws when one was refused. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#writing;
  }

  async #write(service: RunningService, sessionId: string, isFirst: boolean): Promise<void> {
    const take = async (type: CommandType, data: object): Promise<void> => {
      const asked = { sessionId, type, data, key: randomUUID() };
      this.acknowledged.push({ ...asked, answer: await ask(service, asked) });
    };
    if (isFirst) await take('session.start', { name: sessionId });
    for (let nth = 0; !this.#isStopped; nth += 1) {
      await take('message.post', { content: `${sessionId} ${nth}`, tokens: nth });
      if (nth % 5 > 0) continue;
      const messageId = randomUUID();
      await take('message.start', { messageId, agentName: 'Ada' });
      await take('message.append', { messageId, index: 0, text: `piece of ${nth}` });
      await take('message.complete', { messageId });
    }
  }
}
