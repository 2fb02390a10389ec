import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chown, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Binaries } from './binaries.ts';
import { run, type RunAs } from './run-as.ts';

/** The role that owns everything in an embedded cluster. */
export const superuser = 'postgres';

const passwordIn = (cluster: string): string => join(cluster, 'playhead.password');

/** The password of `superuser`, which connections over TCP need. */
export const readPassword = (cluster: string): Promise<string> =>
  readFile(passwordIn(cluster), 'utf8');

/** Runs initdb on an empty folder. Throws with its words. */
export const initialise = async (folder: string, binaries: Binaries, as: RunAs): Promise<void> => {
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
