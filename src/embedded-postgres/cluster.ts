import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { access, chown, lchown, lstat, mkdir, mkdtemp, open, readdir } from 'node:fs/promises';
import { readFile, realpath, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { shelter, type Binaries } from './binaries.ts';
import { canEnter, type RunAs, run } from './run-as.ts';

const draftPrefix = 'postgres-new-';

/**
 * Finds the database cluster of a data folder and answers its real path; makes it when there is
 * none. It appears whole or not at all: what a crash left of an earlier attempt is removed.
 *
 * It is the folder `postgres`. When Postgres must run as a user who cannot enter the data folder,
 * that is a link to a cluster which this user can enter.
 */
export const ensureCluster = async (
  dataDir: string,
  binaries: Binaries,
  as: RunAs,
): Promise<string> => {
  const cluster = join(dataDir, 'postgres');
  const parent = canEnter(as, dataDir) ? dataDir : await makeFolderInShelter(dataDir);
  await removeDrafts(parent);
  if (!(await isWhole(cluster))) {
    await setAside(cluster);
    const draft = await mkdtemp(join(parent, draftPrefix));
    if (as.user) await chown(draft, as.user.uid, as.user.gid);
    await initialise(draft, binaries, as);
    const home = parent === dataDir ? cluster : join(parent, `postgres-${Date.now()}`);
    await rename(draft, home);
    await flushFolder(parent);
    if (home !== cluster) await symlink(home, cluster);
    await flushFolder(dataDir);
  }
  return handOver(await realpath(cluster), as);
};

const makeFolderInShelter = async (dataDir: string): Promise<string> => {
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const parent = join(shelter, name);
  await mkdir(parent, { recursive: true, mode: 0o711 });
  return parent;
};

const removeDrafts = async (parent: string): Promise<void> => {
  const drafts = (await readdir(parent)).filter((name) => name.startsWith(draftPrefix));
  for (const draft of drafts) {
    await rm(join(parent, draft), { recursive: true, force: true, maxRetries: 5 });
  }
};

const succeeds = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => true,
    () => false,
  );

const isWhole = async (cluster: string): Promise<boolean> =>
  (await succeeds(access(join(cluster, 'PG_VERSION')))) &&
  (await succeeds(access(join(cluster, 'global/pg_control'))));

/** A folder that Postgres cannot start from is kept under another name: it may hold data. */
const setAside = async (cluster: string): Promise<void> => {
  if (!(await succeeds(lstat(cluster)))) return;
  if (!(await succeeds(stat(cluster)))) throw new Error(`${cluster} leads to a missing folder`);
  await rename(cluster, `${cluster}-unusable-${Date.now()}`);
};

/** Gives a cluster that root made while it could use a namespace to the user it is run as now. */
const handOver = async (cluster: string, as: RunAs): Promise<string> => {
  if (!as.user) return cluster;
  const { uid, gid } = as.user;
  if (!canEnter(as, dirname(cluster))) {
    throw new Error(
      `Postgres has to run as user ${uid} here, who cannot enter ${dirname(cluster)}`,
    );
  }
  if ((await stat(cluster)).uid !== uid) {
    const inside = await readdir(cluster, { recursive: true });
    for (const path of [...inside, '']) await lchown(join(cluster, path), uid, gid);
  }
  return cluster;
};

/** Without this a power cut could bring back the old name after data was confirmed. */
const flushFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
};

/** The role that owns everything in an embedded cluster. */
export const superuser = 'postgres';

const passwordIn = (cluster: string): string => join(cluster, 'playhead.password');

/** The password of `superuser`, which connections over TCP need. */
export const readPassword = (cluster: string): Promise<string> =>
  readFile(passwordIn(cluster), 'utf8');

/** Runs initdb on an empty folder. Throws with its words. */
const initialise = async (folder: string, binaries: Binaries, as: RunAs): Promise<void> => {
  // initdb wants an empty folder, so the password waits beside it.
  const passwordFile = `${folder}.password`;
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
  if (as.user) await chown(passwordFile, as.user.uid, as.user.gid);
  const args = [
    ['-D', folder, '-U', superuser, '--no-instructions', '--encoding=UTF8'],
    // Independent of the locales that the system happens to have.
    ['--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C'],
    // The socket lies in a folder that only its owner can enter.
    ['--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`],
  ];
  const child = run(as, binaries.initdb, args.flat(), ['ignore', 'ignore', 'pipe']);
  const output = child.stderr ? text(child.stderr) : '';
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`initdb failed: ${(await output).trim()}`);
  await rename(passwordFile, passwordIn(folder));
};
