import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';

/** How Postgres is run, for it refuses to run as root. */
export interface RunAs {
  /** A command that runs its arguments as someone else. */
  readonly wrapper: readonly string[];
  /** The user that root becomes; the cluster and the socket's folder belong to it. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** In a namespace of its own root looks like nobody, and still owns and reaches its files. */
const namespace = ['unshare', '--user', '--map-user=65534', '--map-group=65534'] as const;

/**
 * Decides how this process can run Postgres on a cluster, which need not be there yet. A cluster
 * stays with the user it belongs to. Throws when there is no way.
 */
export const chooseRunAs = (cluster: string): RunAs => {
  if (process.getuid?.() !== 0) return { wrapper: [] };
  const owner = statSync(cluster, { throwIfNoEntry: false });
  if (owner && owner.uid !== 0) return { wrapper: [], user: { uid: owner.uid, gid: owner.gid } };
  // Containers often forbid namespaces.
  const [unshare, ...args] = namespace;
  if (spawnSync(unshare, [...args, 'true']).status === 0) return { wrapper: namespace };
  return { wrapper: [], user: ordinaryUser() };
};

const ordinaryUser = (): { uid: number; gid: number } => {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const named = (name: string): string[] | undefined => users.find(([first]) => first === name);
  const found = named('postgres') ?? named('nobody');
  if (!found) throw new Error('Postgres does not run as root: add a user "postgres" or "nobody"');
  return { uid: Number(found[2]), gid: Number(found[3]) };
};

/** True when whoever Postgres is run as may enter the folder. */
export const canEnter = ({ user }: RunAs, folder: string): boolean =>
  user === undefined ||
  spawnSync('/bin/sh', ['-c', 'cd "$0"', folder], { ...user, cwd: '/' }).status === 0;

/** What the caller's shell says about Postgres, locales and libraries is not meant for this one. */
const environment = (): NodeJS.ProcessEnv => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LD_|LANG)/.test(name)),
  ),
  LC_ALL: 'C',
  TZ: 'UTC',
});

/** Starts a program out of reach of the terminal's Ctrl-C: whoever started it ends it. */
export const run = (
  { wrapper, user }: RunAs,
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
): ChildProcess => {
  const [first = program, ...rest] = [...wrapper, program, ...args];
  return spawn(first, rest, { ...user, stdio, env: environment(), detached: true, cwd: '/' });
};
