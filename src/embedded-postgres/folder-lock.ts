import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startOf } from './processes.ts';

/** Another running process works in the data folder. */
export class DataFolderInUse extends Error {
  constructor(folder: string, pid: number) {
    super(`data folder in use: ${folder} (process ${pid})`);
  }
}

interface Holder {
  readonly pid: number;
  readonly start: string | undefined;
}

const numberOf = (name: string): number => Number(/^lock\.(\d+)$/.exec(name)?.[1] ?? 0);

const numbersIn = async (folder: string): Promise<number[]> =>
  (await readdir(folder)).map(numberOf).filter((number) => number > 0);

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/**
 * Takes the folder for this process; the answer gives it back. A lock whose process is gone counts
 * for nothing. Throws `DataFolderInUse`.
 *
 * Locks are numbered: who finds the newest one dead makes the next number, which only one can. The
 * newest is never deleted, so a process that looked long ago cannot take a number that was given
 * since: either the file is there, or a greater one shows that it came too late.
 */
export const lockFolder = async (folder: string): Promise<() => Promise<void>> => {
  for (;;) {
    const newest = Math.max(0, ...(await numbersIn(folder)));
    const holder = await livingHolder(join(folder, `lock.${newest}`));
    if (holder) throw new DataFolderInUse(folder, holder.pid);
    const mine = newest + 1;
    const file = join(folder, `lock.${mine}`);
    if (!(await create(folder, file))) continue;
    const others = (await numbersIn(folder)).filter((number) => number !== mine);
    if (others.some((number) => number > mine)) {
      await rm(file);
      continue;
    }
    await Promise.all(others.map((number) => rm(join(folder, `lock.${number}`), { force: true })));
    return () => writeFile(file, '');
  }
};

const livingHolder = async (file: string): Promise<Holder | undefined> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  });
  const holder = parse(text);
  const start = holder && startOf(holder.pid);
  return start !== undefined && start === holder?.start ? holder : undefined;
};

/** Empty once given back; a power cut may leave anything. */
const parse = (text: string): Holder | undefined => {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
};

/** A link appears with its content whole, and for one of several that try. */
const create = async (folder: string, file: string): Promise<boolean> => {
  const draft = join(folder, `lock-${randomUUID()}`);
  const holder: Holder = { pid: process.pid, start: startOf(process.pid) };
  await writeFile(draft, JSON.stringify(holder));
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
};
