import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.ts';
import { makeEndpoint, type Transport } from './endpoint.ts';
import { run, type RunAs } from './run-as.ts';

/** What the server is started with: durable, and sized for a log that is appended to all day. */
const settings = {
  unix_socket_permissions: '0700',
  max_connections: '100',
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  wal_buffers: '64MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  fsync: 'on',
  synchronous_commit: 'on',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '',
  log_checkpoints: 'off',
  // Statements carry what people wrote; the log names errors without them.
  log_min_error_statement: 'panic',
} as const;

/** Settings as arguments of `postgres`. */
const asArguments = (values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

/** What Postgres writes into a cluster while it runs there; a killed one leaves it behind. */
export interface PostmasterFile {
  readonly path: string;
  readonly pid: number;
  readonly socketFolder: string;
  readonly ready: boolean;
  readonly lines: readonly string[];
}

/** Reads `postmaster.pid`. Undefined when there is none. */
export const readPostmasterFile = async (cluster: string): Promise<PostmasterFile | undefined> => {
  const path = join(cluster, 'postmaster.pid');
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  return {
    path,
    pid: Number.parseInt(lines[0] ?? '', 10),
    socketFolder: lines[4] ?? '',
    ready: lines[7]?.trim() === 'ready',
    lines,
  };
};

/** A Postgres that accepts connections. */
export interface Server {
  readonly url: (database: string) => string;
  readonly stop: () => Promise<void>;
}

/** Postgres found a server of the same cluster, or processes of one, still there. */
export class LeftoversInUse extends Error {}

/** Which cluster to start, with which programs, as whom, and who is notified of it. */
export interface ServerOptions {
  readonly cluster: string;
  readonly binaries: Binaries;
  readonly as: RunAs;
  readonly transport: Transport;
  /** Takes each line of the server's log. */
  readonly onLog: (line: string) => void;
  /** Called when the server ends without `stop`, with its last words. */
  readonly onCrash: (reason: string) => void;
}

/** Starts Postgres on a finished cluster. Throws `LeftoversInUse` when a retry may help. */
export const startServer = async (options: ServerOptions): Promise<Server> => {
  const { cluster, binaries, as, transport, onLog, onCrash } = options;
  const endpoint = await makeEndpoint(transport, cluster, as);
  const args = ['-D', cluster, ...asArguments({ ...settings, ...endpoint.settings })];
  const child = run(as, binaries.postgres, args, ['ignore', 'ignore', 'pipe']);
  const closed = once(child, 'close').catch((error: unknown) => [error]);
  // Out of the terminal's reach it would outlive a process that ends suddenly.
  const onExit = (): unknown => child.kill('SIGINT');
  process.once('exit', onExit);
  void closed.then(() => process.off('exit', onExit));
  const words = lastLines(child, onLog);
  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    await end(child, closed);
    await endpoint.remove();
  };
  if (await becomesReady(child, cluster)) {
    void closed.then(() => stopping || onCrash(lastWords(words)));
    return { url: endpoint.url, stop };
  }
  await stop();
  throw failure(words);
};

/** The end of the server's log, growing as it is written. */
const lastLines = (child: ChildProcess, onLog: (line: string) => void): readonly string[] => {
  const lines: string[] = [];
  child.on('error', (error) => lines.push(error.message));
  if (!child.stderr) return lines;
  createInterface({ input: child.stderr }).on('line', (line) => {
    lines.push(line);
    if (lines.length > linesKept) lines.shift();
    onLog(line);
  });
  return lines;
};

const linesKept = 50;

const lastWords = (lines: readonly string[]): string =>
  lines.findLast((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? 'it gave no reason';

const failure = (lines: readonly string[]): Error => {
  const known = /lock file .* already exists|pre-existing shared memory block/;
  const reason = lastWords(lines);
  return lines.some((line) => known.test(line))
    ? new LeftoversInUse(reason)
    : new Error(`Postgres did not start: ${reason}`);
};

const isRunning = (child: ChildProcess): boolean =>
  child.pid !== undefined && child.exitCode === null && child.signalCode === null;

/** False when the server ended instead. Recovery after a crash may take its time. */
const becomesReady = async (child: ChildProcess, cluster: string): Promise<boolean> => {
  while (isRunning(child)) {
    const file = await readPostmasterFile(cluster);
    if (file?.pid === child.pid && file?.ready === true) return true;
    await sleep(10);
  }
  return false;
};

/** A fast shutdown; when that takes too long, one that leaves recovery to the next start. */
const end = async (child: ChildProcess, closed: Promise<unknown>): Promise<void> => {
  const impatience = setTimeout(() => child.kill('SIGQUIT'), fastShutdownMs);
  if (isRunning(child)) child.kill('SIGINT');
  await closed;
  clearTimeout(impatience);
};

const fastShutdownMs = 10_000;
