import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { MessageBatch } from './batching.ts';
import { ReconnectingConnection } from './reconnecting-connection.ts';
import type { NodeMessage } from './messages.ts';
import type { Nodes, NodesListener } from './nodes.ts';
import { readPacket } from './packet.ts';
import { Peers, type PeersLimits } from './peers.ts';

/** Where nodes meet, and their limits; times in milliseconds, sizes in bytes. */
export interface PostgresNodesOptions extends PeersLimits {
  /** Of the database that the nodes share. Not through a pooler of transactions. */
  readonly connectionString: string;
  /** How often a node shows that it is there. */
  readonly nodeHeartbeatMs: number;
  /** How long messages wait for others to go with them. */
  readonly nodeBatchMs: number;
  /** What may wait to be sent; more is dropped. */
  readonly nodePendingBytesMax: number;
  /** Pause before a lost connection is made again, and how long a statement may take. */
  readonly nodeRetryMs: number;
  readonly nodeStatementMs: number;
  /** Takes what an operator should know, once an outage. */
  readonly warn: (message: string, about: unknown) => void;
}

const CHANNEL = 'playhead_nodes';

/** Postgres takes payloads of less than 8,000 bytes. */
const PAYLOAD_BYTES_MAX = 7_999;

/**
 * Nodes that tell each other by LISTEN and NOTIFY, each on a connection of its own: no append and
 * no read waits for it. The answer is there at once and connects by itself, as often as it must.
 */
export function openPostgresNodes(options: PostgresNodesOptions): Nodes {
  return new PostgresNodes(options);
}

class PostgresNodes implements Nodes {
  readonly id = randomUUID();
  readonly #batch: MessageBatch;
  readonly #peers: Peers;
  readonly #listener: ReconnectingConnection;
  readonly #notifier: ReconnectingConnection;
  readonly #beats: NodeJS.Timeout;
  #due: NodeJS.Timeout | undefined;
  #sending: Promise<void> | undefined;
  /** Beats sent since one came back: this node receives its own as it receives the others. */
  #unconfirmedBeats = 0;
  #isOut = false;
  #isClosed = false;

  constructor(private readonly options: PostgresNodesOptions) {
    const { nodePendingBytesMax: pendingBytesMax, nodeHeartbeatMs } = options;
    this.#batch = new MessageBatch(this.id, {
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      pendingBytesMax,
    });
    this.#peers = new Peers(options);
    this.#listener = this.#connection('playhead-nodes', `listen ${CHANNEL}`);
    // A notification is a transaction, but nothing of it is worth waiting for the disk.
    this.#notifier = this.#connection('playhead-nodes-notify', 'set synchronous_commit = off');
    this.#beats = setInterval(() => this.#beat(), nodeHeartbeatMs);
  }

  get others(): number {
    return this.#peers.size;
  }

  send(message: NodeMessage): boolean {
    if (this.#isClosed || !this.#notifier.client) return false;
    const isTaken = this.#batch.add(message);
    if (isTaken && !this.#sending) this.#sendSoon();
    return isTaken;
  }

  listen(listener: NodesListener): () => void {
    return this.#peers.listen(listener);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#beats);
    clearTimeout(this.#due);
    await this.#sending;
    const { client } = this.#notifier;
    if (client) await notify(client, this.#batch.take(true)).catch(() => undefined);
    this.#listener.close();
    this.#notifier.close();
  }

  #connection(name: string, first: string): ReconnectingConnection {
    const { connectionString, nodeStatementMs, nodeRetryMs } = this.options;
    return new ReconnectingConnection({
      settings: {
        connectionString,
        application_name: name,
        connectionTimeoutMillis: nodeStatementMs,
        answerTimeoutMs: nodeStatementMs,
      },
      first,
      retryMs: nodeRetryMs,
      // The first message goes out once its answers can be received.
      ready: () => this.#listener.client && this.#send(),
      lost: (fault) => this.#lost(fault),
      notified: (payload) => this.#receive(payload),
    });
  }

  #receive(payload: string): void {
    const packet = readPacket(payload);
    if (!packet || this.#isClosed) return;
    if (packet.from !== this.id) this.#peers.take(packet);
    else {
      this.#unconfirmedBeats = 0;
      // What was still on its way when the other connection was lost ends no outage.
      if (this.#listener.client && this.#notifier.client) this.#isOut = false;
    }
  }

  #beat(): void {
    this.#peers.beat();
    this.#send();
    const [listener, notifier] = [this.#listener.client, this.#notifier.client];
    this.#unconfirmedBeats = listener && notifier ? this.#unconfirmedBeats + 1 : 0;
    if (!listener || !notifier || this.#unconfirmedBeats <= this.options.nodeMissedHeartbeatsMax)
      return;
    const fault = new Error('what this node tells does not come back to it');
    this.#listener.renew(listener, fault);
    this.#notifier.renew(notifier, fault);
  }

  /** Sends what waits, or that this node is there; what comes meanwhile goes with the next. */
  #send(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    const { client } = this.#notifier;
    if (!client || this.#sending || this.#isClosed) return;
    this.#sending = notify(client, this.#batch.take())
      .catch((fault: unknown) => this.#notifier.renew(client, fault))
      .then(() => {
        this.#sending = undefined;
        if (!this.#batch.isEmpty) this.#sendSoon();
      });
  }

  #sendSoon(): void {
    if (this.#isClosed) return;
    this.#due ??= setTimeout(() => this.#send(), this.options.nodeBatchMs);
  }

  #lost(fault: unknown): void {
    // Signals that are late are worse than none; who missed state asks for it.
    if (!this.#notifier.client) this.#batch.drop();
    if (this.#isOut) return;
    this.#isOut = true;
    this.options.warn(
      'nodes do not reach each other: signals and presence stay on this one',
      fault,
    );
  }
}

/** Sends payloads in one transaction, in their order. */
const notify = (client: pg.Client, payloads: readonly string[]): Promise<unknown> =>
  client.query('select pg_notify($1, payload) from unnest($2::text[]) as payload', [
    CHANNEL,
    payloads,
  ]);
