import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What Postgres writes into a cluster while it runs there; a killed one leaves it behind. */
export interface PostmasterFile {
  readonly path: string;
  readonly pid: number;
  readonly socketFolder: string;
  readonly ready: boolean;
  readonly lines: readonly string[];
}

/** Reads `postmaster.pid`. Undefined when there is none. */
export const readPostmasterFile = async (cluster: string): Promise<PostmasterFile | undefined> => {
  const path = join(cluster, 'postmaster.pid');
  const content = await readFile(path, 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const lines = content.split('\n');
  return {
    path,
    pid: Number.parseInt(lines[0] ?? '', 10),
    socketFolder: lines[4] ?? '',
    ready: lines[7]?.trim() === 'ready',
    lines,
  };
};
