import { once } from 'node:events';
import { chown, mkdtemp, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { readPassword, superuser } from './cluster.ts';
import type { RunAs } from './run-as.ts';

/** Where a server listens. */
export interface Endpoint {
  /** What Postgres must be started with. */
  readonly settings: Readonly<Record<string, string>>;
  readonly url: (database: string) => string;
  /** Removes what was made for it, once the server is gone. */
  readonly remove: () => Promise<void>;
}

/** A unix socket, or TCP where there is none. */
export type Transport = 'socket' | 'tcp';

/** Makes a place to listen at: a unix socket, or a free port of 127.0.0.1. */
export const makeEndpoint = (
  transport: Transport,
  cluster: string,
  as: RunAs,
): Promise<Endpoint> => (transport === 'tcp' ? tcpEndpoint(cluster) : socketEndpoint(as));

const socketFolderPrefix = 'playhead-socket-';

/** The kernel takes 107 bytes; mkdtemp adds 6 to the folder and Postgres the names in it. */
const socketPathFits = (folder: string): boolean =>
  Buffer.byteLength(folder) + '123456/.s.PGSQL.5432.lock'.length <= 107;

/**
 * The folder is new, short, and only its owner can enter it. It lies outside of the data folder,
 * whose path may be too long or on a file system without sockets.
 */
const socketEndpoint = async (as: RunAs): Promise<Endpoint> => {
  await removeForgottenFolders();
  const usual = join(tmpdir(), socketFolderPrefix);
  const folder = await mkdtemp(socketPathFits(usual) ? usual : `/tmp/${socketFolderPrefix}`);
  if (as.user) await chown(folder, as.user.uid, as.user.gid);
  return {
    settings: { listen_addresses: '', unix_socket_directories: folder, port: '5432' },
    url: (database) => addressed(`${superuser}@${encodeURIComponent(folder)}:5432`, database),
    remove: () => removeSocketFolder(folder),
  };
};

/** A start that was killed before Postgres used its folder leaves it empty and unknown. */
const removeForgottenFolders = async (): Promise<void> => {
  const names = (await readdir(tmpdir())).filter((name) => name.startsWith(socketFolderPrefix));
  for (const folder of names.map((name) => join(tmpdir(), name))) {
    const made = await stat(folder).catch(() => undefined);
    if (made === undefined || Date.now() - made.mtimeMs < forgottenMs) continue;
    // Not empty: a server is there. Not allowed: it is somebody else's.
    await rmdir(folder).catch(() => undefined);
  }
};

const forgottenMs = 600_000;

/** Removes a folder that an endpoint had made, and no other. */
export const removeSocketFolder = async (folder: string): Promise<void> => {
  if (!basename(folder).startsWith(socketFolderPrefix)) return;
  await rm(folder, { recursive: true, force: true });
};

const tcpEndpoint = async (cluster: string): Promise<Endpoint> => {
  const port = await freePort();
  const password = await readPassword(cluster);
  return {
    settings: { listen_addresses: '127.0.0.1', unix_socket_directories: '', port: String(port) },
    url: (database) => addressed(`${superuser}:${password}@127.0.0.1:${port}`, database),
    remove: async () => undefined,
  };
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
};

/** The caller's PGSSLMODE is not meant for this server. */
const addressed = (authority: string, database: string): string =>
  `postgres://${authority}/${database}?sslmode=disable`;
