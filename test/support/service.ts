import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { io, type Socket } from 'socket.io-client';
import type { ClientToServer, ReadModelStatus, ServerToClient } from '@playhead/contract';

const main = fileURLToPath(new URL('../../dist/src/main.js', import.meta.url));

export const adminKey = 'ph_admin_key_of_the_tests';
export const ingestKey = 'ap_test_key_of_the_tests';

export type ViewerSocket = Socket<ServerToClient, ClientToServer>;

/** What the service answered; `body` is undefined when it was not JSON. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

export interface RequestOptions {
  /** Null sends none. */
  readonly key?: string | null;
  readonly method?: string;
  readonly type?: string;
  readonly body?: string | Buffer;
  readonly headers?: Record<string, string>;
}

/** For tests that look into the tables of the log: it is in Postgres whatever tests run against. */
export const logInPostgres = { EVENTSTORE_URL: '' };

/**
 * Where the events are kept: with the read models, or, when tests run against an EventStoreDB,
 * there under a prefix by which each database has a log of its own.
 */
function logOf({
  DATABASE_URL = '',
  PLAYHEAD_DATA_DIR = '',
}: Record<string, string>): Record<string, string> {
  const { EVENTSTORE_URL } = process.env;
  if (!EVENTSTORE_URL) return {};
  const name = basename(DATABASE_URL || PLAYHEAD_DATA_DIR).replaceAll(/\W/g, '_');
  return { EVENTSTORE_URL, EVENTSTORE_STREAM_PREFIX: `${name}.` };
}

/** The service as a process of its own, as a user runs it. */
export class RunningService {
  #output = '';

  private constructor(
    readonly process: ChildProcess,
    readonly url: string,
  ) {}

  /**
   * Starts the built service with the given environment, on a port of its own; `program` is that of
   * another build.
   */
  static async start(env: Record<string, string>, program = main): Promise<RunningService> {
    const child = spawn(process.execPath, [program], {
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        PLAYHEAD_ADMIN_KEY: adminKey,
        AGENTPIPE_BRIDGE_API_KEY: ingestKey,
        PLAYHEAD_LOG_LEVEL: 'warn',
        PLAYHEAD_REQUESTS_PER_MINUTE: '1000000',
        ...logOf(env),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const address = new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        output += `${line}\n`;
        const [, url] = /listens on (http:\S+)/.exec(line) ?? [];
        if (url) resolve(url);
      });
      child.stderr.on('data', (text: Buffer) => (output += text.toString()));
      child.once('exit', (code) => reject(new Error(`exit ${code}\n${output}`)));
    });
    const service = new RunningService(child, await address);
    service.#output = output;
    child.stderr.on('data', (text: Buffer) => (service.#output += text.toString()));
    return service;
  }

  /** Everything it has written so far. */
  get output(): string {
    return this.#output;
  }

  async request(path: string, options: RequestOptions = {}): Promise<Answer> {
    const { key = adminKey, type, body, method = body === undefined ? 'GET' : 'POST' } = options;
    const answer = await fetch(`${this.url}${path}`, {
      method,
      redirect: 'manual',
      headers: {
        ...(key === null ? {} : { authorization: `Bearer ${key}` }),
        ...(type === undefined ? {} : { 'content-type': type }),
        ...options.headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    });
    const isStream = answer.headers.get('content-type')?.startsWith('text/event-stream');
    // It does not end by itself.
    if (isStream) await answer.body?.cancel();
    const text = isStream ? '' : await answer.text();
    return { status: answer.status, headers: answer.headers, text, body: parsed(text) };
  }

  /** A GET with the admin key whose body must be JSON. */
  async get<Body>(path: string): Promise<Body> {
    const { status, text, body } = await this.request(path);
    if (status !== 200) throw new Error(`${path}: ${status} ${text}`);
    return body as Body;
  }

  /** A POST of JSON with the admin key, which must be taken. */
  async post<Body>(path: string, data: object): Promise<Body> {
    const text = JSON.stringify(data);
    const answer = await this.request(path, { type: 'application/json', body: text });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.body as Body;
  }

  /** One event, as the AgentPipe CLI posts it. */
  ingest(body: string | Buffer, options: RequestOptions = {}): Promise<Answer> {
    return this.request('/api/ingest', {
      key: ingestKey,
      type: 'application/json',
      ...options,
      body,
    });
  }

  connect(key: string | undefined = adminKey): ViewerSocket {
    return io(this.url, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: key === undefined ? {} : { token: key },
    });
  }

  /** Where the log ends, as the service tells everybody. */
  async head(): Promise<string> {
    const { body } = await this.request('/health/ready', { key: null });
    return (body as { log: { head: string } }).log.head;
  }

  /** All read models with their copies and rebuilds. */
  async readModels(): Promise<ReadModelStatus[]> {
    return (await this.get<{ projections: ReadModelStatus[] }>('/api/projections')).projections;
  }

  /**
   * Resolves once the read models have taken everything that the log holds now; a first build takes
   * longer than what is waited for unless it is said.
   */
  async caughtUp(patienceMs = 10_000): Promise<void> {
    const head = await this.head();
    for (let attempt = 0; attempt < patienceMs / 25; attempt += 1) {
      const { body } = await this.request('/health/ready', { key: null });
      const { projections } = body as { projections: { position: string }[] };
      if (projections.every(({ position }) => position >= head)) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error('the read models do not catch up');
  }

  /** SIGTERM, then waits for the end. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** SIGKILL, then waits for the end. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (this.process.exitCode !== null || this.process.signalCode !== null) {
      return this.process.exitCode;
    }
    const ended = once(this.process, 'exit');
    this.process.kill(signal);
    const [code] = (await ended) as [number | null];
    return code;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
