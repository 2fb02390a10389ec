import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';

const ask = (program: string, ...args: string[]): string | undefined => {
  try {
    const answer = execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return answer === '' ? undefined : answer;
  } catch {
    return undefined;
  }
};

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};

const powershell = (pid: number, expression: string): string | undefined =>
  ask(
    'powershell',
    '-NoProfile',
    '-Command',
    `$p = Get-CimInstance Win32_Process -Filter 'ProcessId=${pid}'; ${expression}`,
  );

const startOnLinux = (pid: number): string | undefined => {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The program's name stands in brackets and may hold anything, so count from its end.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, ticks] = [fields[0], fields[19]];
  // The ticks count from the machine's start, so they alone would fit another process after it.
  return state === 'Z' ? undefined : `${read('/proc/sys/kernel/random/boot_id')?.trim()}/${ticks}`;
};

/**
 * When a running process was started, as text that differs when its pid is given to another one.
 * Undefined when no such process runs.
 */
export const startOf = (pid: number): string | undefined => {
  if (process.platform === 'linux') return startOnLinux(pid);
  if (process.platform === 'win32') return powershell(pid, '$p.CreationDate.Ticks');
  return ask('ps', '-o', 'lstart=', '-p', String(pid));
};

const commandLineOf = (pid: number): string => {
  if (process.platform === 'linux') return read(`/proc/${pid}/cmdline`) ?? '';
  if (process.platform === 'win32') return powershell(pid, '$p.CommandLine') ?? '';
  return ask('ps', '-ww', '-o', 'command=', '-p', String(pid)) ?? '';
};

/** True when the process is a Postgres server that was started for this cluster. */
export const isPostgresOf = (pid: number, cluster: string): boolean => {
  const commandLine = commandLineOf(pid).replaceAll('\0', ' ').replaceAll('"', '');
  const program = /postgres(\.exe)? -D (.*)/.exec(commandLine);
  return (
    program?.[2]?.startsWith(`${cluster} `) === true ||
    (program !== null && workingFolderOf(pid) === cluster)
  );
};

/** Follows a folder that was renamed under the process; not everyone may look. */
const workingFolderOf = (pid: number): string | undefined => {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
};
