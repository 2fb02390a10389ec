import { setTimeout as sleep } from 'node:timers/promises';
import { io, type Socket } from 'socket.io-client';
import type { Bench } from './support/bench.ts';
import { lightParser, type LightFrame } from './support/light-parser.ts';
import { startService, type Program } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import { viewerOptions } from './support/compared-servers.ts';
import { beginSession, type BenchSession } from './support/bench-session.ts';

const FAST = 200;
const PER_SECOND = 2_000;
/** As when many write: what comes so close together makes a frame. */
const EVERY_MS = 50;
const WARM_UP_MS = 5_000;
const PAUSED_MS = 30_000;

/** What became of one session while one of its viewers did not read, or while all did. */
export interface Watched {
  /** From appending until a fast viewer has it, in milliseconds. */
  readonly latencies: readonly number[];
  /** The most bytes that waited for sockets, by the service's own metric. */
  readonly pendingMax: number;
  /** By how much the service's memory grew, in bytes. */
  readonly growth: number;
  /** Viewers who did not end with everything, in order and once. */
  readonly incomplete: number;
  /** The most viewers who were behind, by the same. */
  readonly behindMax: number;
  readonly events: number;
}

/**
 * 200 viewers of a session that gets 2,000 events a second for half a minute, with and without one
 * more who does not read meanwhile: what that costs the service, and the others.
 */
export const slow: Bench = {
  name: 'slow',
  async run(context) {
    const database = await context.freshDatabase();
    const service = await startService(database.url);
    const without = await watch(database.url, service, { pausedMs: PAUSED_MS, hasSlow: false });
    const beside = await watch(database.url, service, { pausedMs: PAUSED_MS, hasSlow: true });
    await service.stop();
    await database.drop();
    const mebibytes = (bytes: number) => bytes / 1_024 ** 2;
    return [
      { name: 'fast.p50', value: quantile(beside.latencies, 0.5), unit: 'ms' },
      { name: 'fast.p99', value: quantile(beside.latencies, 0.99), unit: 'ms' },
      { name: 'without.fast.p50', value: quantile(without.latencies, 0.5), unit: 'ms' },
      { name: 'without.fast.p99', value: quantile(without.latencies, 0.99), unit: 'ms' },
      { name: 'pending.max', value: mebibytes(beside.pendingMax), unit: 'MiB' },
      { name: 'growth', value: mebibytes(beside.growth), unit: 'MiB' },
      { name: 'without.growth', value: mebibytes(without.growth), unit: 'MiB' },
      { name: 'per_second', value: (beside.events * 1_000) / PAUSED_MS, unit: 'events/s' },
      { name: 'incomplete', value: beside.incomplete + without.incomplete, unit: 'viewers' },
    ];
  },
};

/** Has a session watched; with `hasSlow` by one who reads nothing for `pausedMs`. */
export async function watch(
  databaseUrl: string,
  service: Pick<Program, 'url' | 'memory' | 'metric'>,
  { pausedMs, hasSlow }: { readonly pausedMs: number; readonly hasSlow: boolean },
): Promise<Watched> {
  const session = await beginSession(databaseUrl);
  const sent: number[] = [];
  const newViewer = (): Viewer => new Viewer(service.url, session.sessionId, sent);
  const fast = Array.from({ length: FAST }, newViewer);
  const late = hasSlow ? newViewer() : undefined;
  const all = [...fast, ...(late ? [late] : [])];
  for (const viewer of all) await viewer.open();
  await speak(session, sent, WARM_UP_MS);
  const memory = service.memory();
  for (const viewer of fast) viewer.latencies.length = 0;
  const begun = session.revision;
  late?.pause();
  const seen: Metrics[] = [];
  // A busy machine may need longer until the paused viewer is over its budget.
  const isBehind = (): boolean => !hasSlow || seen.some(({ behind }) => behind > 0);
  await observe(service, seen, speak(session, sent, pausedMs, isBehind));
  const growth = service.memory() - memory;
  await late?.resume();
  const isDone = (): boolean => all.every(({ through }) => through === session.revision);
  for (let turn = 0; turn < 600 && !isDone(); turn += 1) await sleep(100);
  const wrong = all.filter((one) => one.through !== session.revision || one.holes > 0);
  for (const viewer of all) viewer.close();
  await session.close();
  return {
    latencies: fast.flatMap(({ latencies }) => latencies),
    pendingMax: Math.max(...seen.map(({ pending }) => pending), 0),
    behindMax: Math.max(...seen.map(({ behind }) => behind), 0),
    growth,
    incomplete: wrong.length,
    events: session.revision - begun,
  };
}

/**
 * Appends at the steady rate, or as fast as that goes, for some time and until it is enough, at
 * most four times as long; `sent` says when each revision was.
 */
async function speak(
  session: BenchSession,
  sent: number[],
  ms: number,
  isEnough = (): boolean => true,
): Promise<void> {
  const begin = performance.now();
  const count = (PER_SECOND * EVERY_MS) / 1_000;
  const goesOn = (tookMs: number): boolean => tookMs < ms || (!isEnough() && tookMs < 4 * ms);
  for (let due = begin; goesOn(performance.now() - begin); due += EVERY_MS) {
    await sleep(Math.max(0, due - performance.now()));
    const now = performance.now();
    for (let nth = 1; nth <= count; nth += 1) sent[session.revision + nth] = now;
    await session.speak(count);
  }
}

/** The service's own metrics at one moment. */
interface Metrics {
  readonly pending: number;
  readonly behind: number;
}

/** Adds what the metrics say, every now and then while the work goes on. */
async function observe(
  service: Pick<Program, 'metric'>,
  seen: Metrics[],
  work: Promise<void>,
): Promise<void> {
  const ask = async (): Promise<void> => {
    const pending = await service.metric('playhead_pending_bytes');
    seen.push({ pending, behind: await service.metric('playhead_viewers_behind') });
  };
  const asking = setInterval(() => void ask(), 500);
  await work.finally(() => clearInterval(asking));
}

class Viewer {
  readonly latencies: number[] = [];
  through = -1;
  holes = 0;
  #socket: Socket | undefined;

  constructor(
    private readonly url: string,
    private readonly sessionId: string,
    private readonly sent: readonly number[],
  ) {}

  /** Opens the session on a new connection, at the beginning or where the last one ended. */
  async open(): Promise<void> {
    const options = { ...viewerOptions, parser: lightParser, reconnection: false };
    const socket: Socket = io(this.url, options);
    this.#socket = socket;
    socket.on('session:events', (frame: LightFrame) => {
      if (frame.from !== this.through + 1) this.holes += 1;
      this.through = frame.through;
      const at = this.sent[frame.through];
      if (at !== undefined) this.latencies.push(performance.now() - at);
    });
    socket.on('session:closed', () => (this.holes += 1));
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('connect_error', reject);
    });
    await socket.emitWithAck('session:open', { sessionId: this.sessionId, after: this.through });
  }

  /** Takes nothing from the network any more. */
  pause(): void {
    this.#connection?.pause();
  }

  /** Reads on. Whoever does not answer for so long may have been cut off, and comes back. */
  async resume(): Promise<void> {
    this.#connection?.resume();
    await sleep(1_000);
    if (!this.#socket?.connected) await this.open();
  }

  close(): void {
    this.#socket?.disconnect();
  }

  get #connection(): { pause(): void; resume(): void } | undefined {
    const engine = this.#socket?.io.engine as unknown as
      { transport: { ws: { pause(): void; resume(): void } | null } } | undefined;
    return engine?.transport.ws ?? undefined;
  }
}
