import { rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeSocketFolder } from './endpoint.ts';
import { readPostmasterFile } from './server.ts';
import { isPostgresOf, startOf } from './processes.ts';

/** Signals in the order they are tried, and the milliseconds each may take. */
const waysToStop = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 10_000],
  ['SIGKILL', 10_000],
] as const;

/**
 * Stops the Postgres that a killed service left running in the cluster and clears what it left
 * behind. The caller holds the lock of the data folder.
 */
export const stopOrphan = async (cluster: string): Promise<void> => {
  const found = await readPostmasterFile(cluster);
  if (!found) return;
  if (isPostgresOf(found.pid, cluster)) await stop(found.pid);
  await removeSocketFolder(found.socketFolder);
  const left = await readPostmasterFile(cluster);
  if (!left) return;
  if (!(left.pid > 0) || process.platform === 'win32') return rm(left.path, { force: true });
  // Postgres refuses to start while the pid in this file exists, be it a stranger's by now. Except
  // on Windows it ignores its parent's, so that is put there: the file itself must stay, for it
  // says which memory the dead server had, and Postgres looks whether processes still use it.
  await writeFile(left.path, [process.pid, ...left.lines.slice(1)].join('\n'));
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
