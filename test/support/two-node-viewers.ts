import type { SessionPresence, SessionSignal } from '@playhead/contract';
import pg from 'pg';
import { freshDatabase } from './database.ts';
import { eventually } from './log-events.ts';
import { adminKey, RunningService, type ViewerSocket } from './service.ts';

/** One viewer's socket with a session open, and what it was sent beside events. */
export interface NodeViewer {
  readonly socket: ViewerSocket;
  readonly signals: SessionSignal[];
  readonly presence: SessionPresence[];
}

/** How many the viewer was last sent as having the session open. */
export const total = (seat: NodeViewer): number | undefined => seat.presence.at(-1)?.total;

/** Asks the service for something with the admin key; throws when it is refused. */
export async function post(node: RunningService, path: string, body: object): Promise<unknown> {
  const answer = await node.request(path, {
    type: 'application/json',
    body: JSON.stringify(body),
  });
  if (answer.status >= 300) throw new Error(answer.text);
  return answer.body;
}

/** Two nodes on one database, and viewers on them. */
export class TwoNodes {
  readonly #seats: NodeViewer[] = [];
  readonly #more: RunningService[] = [];

  private constructor(
    readonly first: RunningService,
    readonly second: RunningService,
    /** A connection to the nodes' database. */
    readonly rows: pg.Client,
    readonly databaseUrl: string,
    private readonly drop: () => Promise<void>,
  ) {}

  static async start(): Promise<TwoNodes> {
    const database = await freshDatabase();
    const env = { DATABASE_URL: database.url };
    const nodes = [RunningService.start(env), RunningService.start(env)] as const;
    const [first, second] = await Promise.all(nodes);
    const rows = new pg.Client({ connectionString: database.url });
    await rows.connect();
    return new TwoNodes(first, second, rows, database.url, () => database.drop());
  }

  async stop(): Promise<void> {
    await Promise.all([this.first, this.second, ...this.#more].map((node) => node.stop()));
    await this.rows.end();
    await this.drop();
  }

  /** Another node, for the test to end. */
  async third(): Promise<RunningService> {
    const third = await RunningService.start({ DATABASE_URL: this.databaseUrl });
    this.#more.push(third);
    return third;
  }

  /** A new session's id. */
  async session(): Promise<string> {
    const { sessionId } = (await post(this.first, '/api/sessions', {})) as { sessionId: string };
    return sessionId;
  }

  /** A viewer with a session open on a node. */
  sit(node: RunningService, sessionId: string, key = adminKey): Promise<NodeViewer> {
    return this.sitOn(node.connect(key), sessionId);
  }

  async sitOn(socket: ViewerSocket, sessionId: string): Promise<NodeViewer> {
    const seat: NodeViewer = { socket, signals: [], presence: [] };
    this.#seats.push(seat);
    socket.on('session:signal', (signal) => seat.signals.push(signal));
    socket.on('session:presence', (presence) => seat.presence.push(presence));
    const opened = await socket.emitWithAck('session:open', { sessionId });
    if (!opened.ok) throw new Error(opened.message);
    return seat;
  }

  /** A viewer on each node, each of whom sees both. */
  async pair(sessionId: string): Promise<readonly [NodeViewer, NodeViewer]> {
    const pair = [
      await this.sit(this.first, sessionId),
      await this.sit(this.second, sessionId),
    ] as const;
    await eventually('both are seen', () => pair.every((seat) => total(seat) === 2));
    return pair;
  }

  /** All viewers leave. */
  leave(): void {
    for (const { socket } of this.#seats.splice(0)) socket.disconnect();
  }
}

/** The viewer types. */
export async function type(
  { socket }: NodeViewer,
  sessionId: string,
  more: object = {},
): Promise<void> {
  const answer = await socket.emitWithAck('signal', { sessionId, kind: 'typing', ...more });
  if (!answer.ok) throw new Error(answer.message);
}
