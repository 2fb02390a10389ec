import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { POSTGRES_MAJOR_MIN } from '../../src/startup/database.ts';
import { chooseRunAs, run } from '../../src/embedded-postgres/run-as.ts';
import { startServer } from '../../src/embedded-postgres/server.ts';
import { query, temporaryFolder } from './postgres-process.ts';

/** What a whole installation of Postgres has, and the one that npm installs has not. */
const programs = ['initdb', 'postgres', 'pg_dump', 'pg_restore', 'createdb', 'psql'];

const debian = '/usr/lib/postgresql';

const majorOf = (folder: string): number => {
  const got = execFileSync(join(folder, 'postgres'), ['--version'], { encoding: 'utf8' });
  return Number(/\d+/.exec(got)?.[0]);
};

/** The folder of an installation with its tools that Playhead can run on, if there is one here. */
export const toolsFolder = [
  ...(existsSync(debian) ? readdirSync(debian).map((name) => join(debian, name, 'bin')) : []),
  ...(process.env.PATH ?? '').split(delimiter),
]
  .filter((folder) => programs.every((program) => existsSync(join(folder, program))))
  .find((folder) => majorOf(folder) >= POSTGRES_MAJOR_MIN);

/** A Postgres such as an operator has: its own server, reached over TCP, and its tools. */
export interface OwnPostgres {
  readonly tools: string;
  /** Of an empty database. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts one on a new cluster. Its databases belong to a role that is no superuser. */
export async function startOwnPostgres(tools: string): Promise<OwnPostgres> {
  const folder = await temporaryFolder();
  const cluster = join(folder, 'cluster');
  await mkdir(cluster, { mode: 0o700 });
  const as = chooseRunAs(cluster);
  const args = ['-D', cluster, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C'];
  const [code] = (await once(run(as, join(tools, 'initdb'), args, 'ignore'), 'close')) as [number];
  if (code !== 0) throw new Error('initdb failed');
  const binaries = { postgres: join(tools, 'postgres'), initdb: join(tools, 'initdb') };
  const [onLog, onCrash] = [() => undefined, () => undefined];
  const server = await startServer({
    ...{ cluster, binaries, as, transport: 'socket' },
    ...{ onLog, onCrash },
  });
  const socket = new URL(server.url('postgres'));
  await query(socket.href, 'create role operator login createdb');
  await query(socket.href, 'create database playhead owner operator');
  const url = new URL(socket);
  url.username = 'operator';
  url.pathname = '/playhead';
  return {
    tools,
    url: url.href,
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true });
    },
  };
}
