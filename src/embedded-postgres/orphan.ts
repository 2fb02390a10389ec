import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPostgresOf, startOf } from './processes.ts';
import { removeSocketFolder } from './socket-folder.ts';

/** Signals in the order they are tried, and how long each may take. */
const waysToStop = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
] as const;

/**
 * Stops the Postgres that a killed service left running in the cluster and clears what it left
 * behind. The caller holds the lock of the data folder.
 */
export const stopOrphan = async (cluster: string): Promise<void> => {
  const file = join(cluster, 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return;
  const lines = content.split('\n');
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 0) return rm(file, { force: true });
  if (isPostgresOf(pid, cluster)) await stop(pid);
  else if (startOf(pid) !== undefined) {
    // The pid belongs to someone else by now, for which Postgres would refuse to start. It ignores
    // its parent's, and still looks whether processes of the dead server use the memory named below.
    await writeFile(file, [process.pid, ...lines.slice(1)].join('\n'));
  }
  const socketFolder = lines[4];
  if (socketFolder) await removeSocketFolder(socketFolder);
};

const stop = async (pid: number): Promise<void> => {
  const start = startOf(pid);
  for (const [signal, patience] of waysToStop) {
    const deadline = Date.now() + patience;
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    while (Date.now() < deadline) {
      if (startOf(pid) !== start) return;
      await sleep(20);
    }
  }
  throw new Error(`a Postgres left over from an earlier run (process ${pid}) does not stop`);
};
