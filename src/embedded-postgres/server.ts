import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Binaries } from './binaries.ts';
import { superuser } from './cluster.ts';
import { flags } from './flags.ts';
import { run, type RunAs } from './run-as.ts';
import { makeSocketFolder, removeSocketFolder } from './socket-folder.ts';

/** A Postgres that accepts connections. */
export interface Server {
  readonly url: string;
  stop(): Promise<void>;
}

/** Postgres found a server of the same cluster, or processes of one, still there. */
export class LeftoversInUse extends Error {}

interface ServerOptions {
  readonly cluster: string;
  readonly binaries: Binaries;
  readonly as: RunAs;
  readonly onLog: (line: string) => void;
}

const database = 'playhead';

const urlOf = (socketFolder: string, name: string): string =>
  `postgres://${superuser}@${encodeURIComponent(socketFolder)}:5432/${name}?sslmode=disable`;

/** Starts Postgres on a finished cluster. Throws `LeftoversInUse` when a retry may help. */
export const startServer = async (options: ServerOptions): Promise<Server> => {
  const { cluster, binaries, as, onLog } = options;
  const socketFolder = await makeSocketFolder(as);
  const args = ['-D', cluster, '-k', socketFolder, '-p', '5432', ...flags];
  const child = run(as, binaries.postgres, args, ['ignore', 'ignore', 'pipe']);
  const closed = once(child, 'close');
  closed.catch(() => undefined);
  const lines: string[] = [];
  createInterface({ input: child.stderr! }).on('line', (line) => {
    lines.push(line);
    if (lines.length > 50) lines.shift();
    onLog(line);
  });
  try {
    await Promise.race([
      createDatabase(urlOf(socketFolder, 'postgres'), child),
      closed.then(() => {
        throw failure(lines);
      }),
    ]);
  } catch (error) {
    await end(child, closed);
    await removeSocketFolder(socketFolder);
    throw error;
  }
  const stop = async (): Promise<void> => {
    await end(child, closed);
    await removeSocketFolder(socketFolder);
  };
  return { url: urlOf(socketFolder, database), stop };
};

const running = (child: ChildProcess): boolean =>
  child.exitCode === null && child.signalCode === null;

const failure = (lines: readonly string[]): Error => {
  const text = lines.join('\n');
  const why = lines.find((line) => /FATAL|PANIC/.test(line)) ?? lines.at(-1) ?? 'no reason given';
  const known = /lock file .* already exists|pre-existing shared memory block/.test(text);
  return known ? new LeftoversInUse(why) : new Error(`Postgres did not start: ${why}`);
};

/** Waits until the server takes connections; recovery after a crash may take its time. */
const connect = async (url: string, child: ChildProcess): Promise<pg.Client> => {
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      const code = (error as { code?: string }).code ?? '';
      if (!running(child) || !/^(ENOENT|ECONNREFUSED|ECONNRESET|57P03)$/.test(code)) throw error;
      await sleep(10);
    }
  }
};

const createDatabase = async (url: string, child: ChildProcess): Promise<void> => {
  const client = await connect(url, child);
  try {
    const found = await client.query('select from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
};

/** A fast shutdown; when that takes too long, one that leaves recovery to the next start. */
const end = async (child: ChildProcess, closed: Promise<unknown>): Promise<void> => {
  const gone = closed.catch(() => undefined);
  const late = setTimeout(() => child.kill('SIGQUIT'), 10_000);
  if (running(child)) child.kill('SIGINT');
  await gone;
  clearTimeout(late);
};
