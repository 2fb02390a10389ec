import type pg from 'pg';
import { PostgresClient, type PostgresClientConfig } from '../postgres/client.ts';

/** What a connection is for, and who is notified of it. */
export interface ConnectionOptions {
  readonly settings: PostgresClientConfig;
  /** The first statement on each new connection. */
  readonly first: string;
  /** Pause before a lost connection is made again, in milliseconds. */
  readonly retryMs: number;
  /** A connection can be used. */
  readonly ready: () => void;
  /** It was lost, or could not be made. */
  readonly lost: (fault: unknown) => void;
  /** The payload of a notification. */
  readonly notified: (payload: string) => void;
}

/** One connection to Postgres, made again whenever it is lost. */
export class ReconnectingConnection {
  #made: pg.Client | undefined;
  #isReady = false;
  #retry: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(private readonly options: ConnectionOptions) {
    void this.#connect();
  }

  /** Undefined while there is none to be used. */
  get client(): pg.Client | undefined {
    return this.#isReady ? this.#made : undefined;
  }

  /** Gives up a connection, if it is still the one in use, and makes another. */
  renew(client: pg.Client, fault: unknown): void {
    client.connection.stream.destroy();
    // Several events report one loss: only the first of them counts.
    if (this.#made !== client || this.#isClosed) return;
    this.#made = undefined;
    this.#isReady = false;
    this.#retry = setTimeout(() => void this.#connect(), this.options.retryMs);
    this.options.lost(fault);
  }

  close(): void {
    this.#isClosed = true;
    this.#isReady = false;
    clearTimeout(this.#retry);
    this.#made?.connection.stream.destroy();
  }

  async #connect(): Promise<void> {
    const { settings, first, ready, notified } = this.options;
    const client: pg.Client = new PostgresClient({ ...settings, keepAlive: true });
    this.#made = client;
    client.on('error', (fault) => this.renew(client, fault));
    client.on('end', () => this.renew(client, new Error('the connection has ended')));
    client.on('notification', ({ payload = '' }) => notified(payload));
    try {
      await client.connect();
      await client.query(first);
      if (this.#made !== client || this.#isClosed) return;
      this.#isReady = true;
      ready();
    } catch (fault) {
      this.renew(client, fault);
    }
  }
}
