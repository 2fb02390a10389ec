import { mkdir, realpath } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findBinaries } from './binaries.ts';
import { ensureCluster } from './cluster.ts';
import { lockFolder } from './folder-lock.ts';
import { stopOrphan } from './orphan.ts';
import { chooseRunAs } from './run-as.ts';
import { LeftoversInUse, startServer, type Server } from './server.ts';

/** A running Postgres of our own. */
export interface EmbeddedPostgres {
  /** A connection URL for pg and TypeORM, with user and database. */
  readonly url: string;
  /** Ends open connections, stops the server and frees the data folder. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made when missing; the database cluster goes into its folder `postgres`. */
  readonly dataDir: string;
  /** Takes each line of the server's log. */
  readonly onLog?: (line: string) => void;
}

/**
 * Starts the Postgres that npm installed, on a data folder that no other process uses meanwhile.
 * What a killed service left behind (a running server, stale files, a half-made cluster) is
 * cleared first. Throws `DataFolderInUse`.
 */
export const startEmbeddedPostgres = async (
  options: EmbeddedPostgresOptions,
): Promise<EmbeddedPostgres> => {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  const unlock = await lockFolder(dataDir);
  try {
    const server = await launch(await realpath(dataDir), options.onLog ?? (() => undefined));
    const stop = async (): Promise<void> => {
      await server.stop();
      await unlock();
    };
    return { url: server.url, stop };
  } catch (error) {
    await unlock();
    throw error;
  }
};

const launch = async (dataDir: string, onLog: (line: string) => void): Promise<Server> => {
  const as = chooseRunAs();
  const binaries = await findBinaries();
  const cluster = join(dataDir, 'postgres');
  await ensureCluster(cluster, binaries, as);
  for (let attempt = 1; ; attempt += 1) {
    await stopOrphan(cluster);
    try {
      return await startServer({ cluster, binaries, as, onLog });
    } catch (error) {
      if (!(error instanceof LeftoversInUse) || attempt === attemptsMax) throw error;
      await sleep(retryAfterMs);
    }
  }
};

/** Processes of a killed server take a moment to go, and one just started to write its pid file. */
const attemptsMax = 100;
const retryAfterMs = 100;
