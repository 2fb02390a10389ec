import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandAnswer, CommandDone, CommandType, Refused } from '@playhead/contract';
import { io } from 'socket.io-client';
import { adminKey, type ViewerSocket } from './service.ts';

const ANSWER_MS = 5_000;
/** Longer than a restart of the service takes. */
const PATIENCE_MS = 60_000;

/** A command under its key, which every try of it has. */
export interface Keyed {
  readonly key: string;
  /** Only a start may leave it out. */
  readonly sessionId?: string | undefined;
  readonly type: CommandType;
  readonly data: object;
}

type Outcome = CommandDone | Refused;

/** Sends commands over HTTP or a socket, at random for each try, until they are answered. */
export class RetryingClient {
  /** Tries beyond the first, by which way they went. */
  readonly retries = { http: 0, socket: 0 };
  readonly #socket: ViewerSocket;
  #isClosed = false;

  constructor(private readonly url: string) {
    this.#socket = io(url, {
      transports: ['websocket'],
      forceNew: true,
      auth: { token: adminKey },
      reconnectionDelay: 10,
      reconnectionDelayMax: 50,
    });
    const again = (): void => {
      if (!this.#socket.active) setTimeout(() => this.#socket.connect(), 20);
    };
    this.#socket.on('connect_error', again).on('disconnect', (reason) => {
      if (reason === 'io server disconnect') again();
    });
  }

  /** Resolves with the first answer that gets through. Throws when it is refused for good. */
  async send(asked: Keyed): Promise<CommandAnswer> {
    const deadline = Date.now() + PATIENCE_MS;
    for (let attempt = 0; !this.#isClosed && Date.now() < deadline; attempt += 1) {
      const way = Math.random() < 0.5 ? 'http' : 'socket';
      if (attempt > 0) this.retries[way] += 1;
      const got = await this[way](asked).catch(() => undefined);
      if (got?.ok) {
        const { ok, ...answer } = got;
        if (ok) return answer;
      }
      if (got && !got.ok && !got.retry) {
        throw new Error(`${JSON.stringify(asked)} was refused: ${JSON.stringify(got)}`);
      }
      await sleep(5 + Math.random() * 30);
    }
    throw new Error(`${JSON.stringify(asked)} was never answered`);
  }

  /** What was not answered is given up. */
  close(): void {
    this.#isClosed = true;
    this.#socket.removeAllListeners().disconnect();
  }

  private async http({ key, sessionId, type, data }: Keyed): Promise<Outcome> {
    const path = sessionId === undefined ? '' : `/${sessionId}/commands/${type}`;
    const answer = await fetch(`${this.url}/api/sessions${path}`, {
      method: 'POST',
      signal: AbortSignal.timeout(ANSWER_MS),
      headers: {
        authorization: `Bearer ${adminKey}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify(data),
    });
    const body = (await answer.json()) as object;
    return { ok: answer.ok, ...body } as Outcome;
  }

  private async socket({ key, sessionId, type, data }: Keyed): Promise<Outcome> {
    const command = { id: key, ...(sessionId === undefined ? {} : { sessionId }), type, data };
    const got: unknown = await this.#socket.timeout(ANSWER_MS).emitWithAck('command', command);
    return got as Outcome;
  }
}
