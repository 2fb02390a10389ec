import { mkdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import type { Transport } from './endpoint.ts';
import { lockFolder } from './folder-lock.ts';
import { stopOrphan } from './orphan.ts';
import { chooseRunAs } from './run-as.ts';
import { LeftoversInUse, startServer, type Server, type ServerOptions } from './server.ts';

/** A running Postgres of our own. */
export interface EmbeddedPostgres {
  /** A connection URL for pg and TypeORM, with user and database. */
  readonly url: string;
  /** Tells the folder of the cluster apart from every copy of it. */
  readonly location: string;
  /** Ends open connections, stops the server and frees the data folder. */
  stop(): Promise<void>;
}

/** Where the data lies, how it is reached, and who is notified of it. */
export interface EmbeddedPostgresOptions {
  /** Made when missing; the database cluster becomes its folder `postgres`. */
  readonly dataDir: string;
  /** Takes each line of the server's log. */
  readonly onLog?: (line: string) => void;
  /** Called when the server ends by itself, with its last words. */
  readonly onCrash?: (reason: string) => void;
  /** How clients reach it: a unix socket, on Windows TCP. */
  readonly transport?: Transport;
}

const database = 'playhead';

/**
 * Starts the Postgres that npm installed, on a data folder that no other process may use meanwhile.
 * What a killed service left behind (a running server, stale files, a half-made cluster) is
 * cleared first. Throws `DataFolderInUse`.
 */
export const startEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  await mkdir(resolve(options.dataDir), { recursive: true, mode: 0o711 });
  const dataDir = await realpath(options.dataDir);
  const unlock = await lockFolder(dataDir);
  try {
    const server = await launch(dataDir, options);
    let stopped: Promise<void> | undefined;
    const stop = (): Promise<void> => (stopped ??= server.stop().then(unlock));
    return { url: server.url(database), location: await locationOf(dataDir), stop };
  } catch (error) {
    await unlock();
    throw error;
  }
};

/** A file that Postgres writes once: where it lies on the disk, and since when. */
const locationOf = async (dataDir: string): Promise<string> => {
  const file = join(dataDir, 'postgres', 'PG_VERSION');
  const { ino, birthtimeNs } = await stat(file, { bigint: true });
  return `${ino}-${birthtimeNs}`;
};

const launch = async (dataDir: string, options: EmbeddedPostgresOptions): Promise<Server> => {
  const as = chooseRunAs(join(dataDir, 'postgres'));
  const binaries = await findBinaries(as);
  const cluster = await ensureCluster(dataDir, binaries, as);
  const server = await startPatiently({
    cluster,
    binaries,
    as,
    transport: options.transport ?? (process.platform === 'win32' ? 'tcp' : 'socket'),
    onLog: options.onLog ?? ignore,
    onCrash: options.onCrash ?? ignore,
  });
  try {
    await ensureDatabase(server.url('postgres'));
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
};

const ignore = (): void => undefined;

/** Processes of a killed server take a moment to go, and one just started to write its file. */
const startPatiently = async (options: ServerOptions): Promise<Server> => {
  for (let attempt = 1; ; attempt += 1) {
    await stopOrphan(options.cluster);
    try {
      return await startServer(options);
    } catch (error) {
      if (!(error instanceof LeftoversInUse) || attempt === attemptsMax) throw error;
      await sleep(retryAfterMs);
    }
  }
};

const attemptsMax = 300;
const retryAfterMs = 100;

const ensureDatabase = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  // A connection that breaks fails the query as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const found = await client.query('select from pg_database where datname = $1', [database]);
    if (found.rowCount === 0) await client.query(`create database ${database}`);
  } finally {
    await client.end();
  }
};
