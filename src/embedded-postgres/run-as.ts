import { spawn, spawnSync, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** How Postgres is run, for it refuses to run as root. */
export interface RunAs {
  /** A command that runs its arguments as someone else. */
  readonly wrapper: readonly string[];
  /** The user to become, when root has to; files must then belong to it. */
  readonly uid?: number;
  readonly gid?: number;
}

/** In a namespace of its own root looks like nobody, and still owns and reaches its files. */
const namespace = ['unshare', '--user', '--map-user=65534', '--map-group=65534'];

/** Decides how this process can run Postgres. Throws when it cannot. */
export const chooseRunAs = (): RunAs => {
  if (process.getuid?.() !== 0) return { wrapper: [] };
  const [program = '', ...args] = namespace;
  if (spawnSync(program, [...args, 'true']).status === 0) return { wrapper: namespace };
  return { wrapper: [], ...ordinaryUser() };
};

const ordinaryUser = (): { uid: number; gid: number } => {
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const found = ['postgres', 'nobody'].map((name) => users.find(([first]) => first === name));
  const [, , uid, gid] = found.find((entry) => entry !== undefined) ?? [];
  if (uid === undefined || gid === undefined) {
    throw new Error('Postgres refuses to run as root and there is no user postgres or nobody');
  }
  return { uid: Number(uid), gid: Number(gid) };
};

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
  as: RunAs,
  program: string,
  args: readonly string[],
  stdio: StdioOptions,
): ChildProcess => {
  const [first = program, ...rest] = [...as.wrapper, program, ...args];
  const { uid, gid } = as;
  return spawn(first, rest, { uid, gid, stdio, env: environment(), detached: true, cwd: '/' });
};
