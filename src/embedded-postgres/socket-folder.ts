import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { RunAs } from './run-as.ts';

const prefix = 'playhead-socket-';

/** The kernel takes socket paths up to 107 bytes; Postgres adds `/.s.PGSQL.5432` to the folder. */
const folderBytesMax = 107 - '/.s.PGSQL.5432.lock'.length;

/**
 * A new folder for the server's socket that only its owner can enter. It lies outside of the data
 * folder, whose path may be too long or on a file system without sockets.
 */
export const makeSocketFolder = async (as: RunAs): Promise<string> => {
  const usual = join(tmpdir(), prefix);
  const fits = Buffer.byteLength(usual) + 6 <= folderBytesMax;
  const folder = await mkdtemp(fits ? usual : `/tmp/${prefix}`);
  if (as.uid !== undefined && as.gid !== undefined) await chown(folder, as.uid, as.gid);
  return folder;
};

/** Removes a folder that `makeSocketFolder` made, and no other. */
export const removeSocketFolder = async (folder: string): Promise<void> => {
  if (!basename(folder).startsWith(prefix)) return;
  await rm(folder, { recursive: true, force: true });
};
