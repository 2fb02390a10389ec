import { once } from 'node:events';
import { access, chmod, chown, mkdtemp, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Binaries } from './binaries.ts';
import { run, type RunAs } from './run-as.ts';

/** The superuser of an embedded cluster. */
export const superuser = 'postgres';

const draftPrefix = 'postgres-new-';

/**
 * Makes the database cluster when it is not there. It appears whole or not at all: what a crash
 * left of an earlier attempt is removed.
 */
export const ensureCluster = async (cluster: string, binaries: Binaries, as: RunAs) => {
  const folder = dirname(cluster);
  const drafts = (await readdir(folder)).filter((name) => name.startsWith(draftPrefix));
  for (const draft of drafts) {
    await rm(join(folder, draft), { recursive: true, force: true, maxRetries: 5 });
  }
  if (await isWhole(cluster)) return;
  const draft = await mkdtemp(join(folder, draftPrefix));
  await initialise(draft, binaries, as);
  await setAside(cluster);
  await rename(draft, cluster);
  await flushFolder(folder);
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const isWhole = async (cluster: string): Promise<boolean> =>
  (await exists(join(cluster, 'PG_VERSION'))) && (await exists(join(cluster, 'global/pg_control')));

/** A folder that Postgres cannot start from is kept under another name: it may hold somebody's data. */
const setAside = async (cluster: string): Promise<void> => {
  if (await exists(cluster)) await rename(cluster, `${cluster}-unusable-${Date.now()}`);
};

const initialise = async (folder: string, binaries: Binaries, as: RunAs): Promise<void> => {
  if (as.uid !== undefined && as.gid !== undefined) await chown(folder, as.uid, as.gid);
  const child = run(
    as,
    binaries.initdb,
    [
      ['-D', folder, '-U', superuser, '--no-instructions', '--encoding=UTF8'],
      // Independent of the locales that the system happens to have.
      ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
      ['--auth-local=trust', '--auth-host=scram-sha-256'],
    ].flat(),
    ['ignore', 'ignore', 'pipe'],
  );
  const [errors, [code]] = await Promise.all([text(child.stderr!), once(child, 'close')]);
  if (code !== 0) throw new Error(`initdb failed: ${errors.trim()}`);
};

/** Without this a power cut could bring back the old name after data was confirmed. */
const flushFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
};
