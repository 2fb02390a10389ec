import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DataFolderInUse, startEmbeddedPostgres } from '../../src/embedded-postgres/index.ts';
import { lockFolder } from '../../src/embedded-postgres/folder-lock.ts';
import { startOf } from '../../src/embedded-postgres/processes.ts';
import { holdPostgres, query, temporaryFolder } from '../support/postgres-process.ts';

const script = join(import.meta.dirname, '../support/lock-process.mjs');

describe('the lock of the data folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('refuses a second process with one clear line and leaves the first alone', async () => {
    const first = holdPostgres(folder);
    const url = await first.url;
    const line = `data folder in use: ${folder} (process ${first.pid})`;
    await expect(holdPostgres(folder).url).rejects.toThrow(new Error(line));
    await expect(startEmbeddedPostgres({ dataDir: folder })).rejects.toThrow(DataFolderInUse);
    expect(await query(url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await first.end('SIGTERM');
  });

  it('refuses a second start in the same process, and not one after a stop', async () => {
    const unlock = await lockFolder(folder);
    await expect(lockFolder(folder)).rejects.toThrow(DataFolderInUse);
    await unlock();
    await (
      await lockFolder(folder)
    )();
  });

  it('lets exactly one of many win that try at the same instant, kill after kill', async () => {
    for (let round = 0; round < 5; round += 1) {
      const moment = String(Date.now() + 1_000);
      const processes = Array.from({ length: 8 }, () =>
        spawn(process.execPath, [script, folder, moment], { stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      const answers = await Promise.all(
        processes.map(async ({ stdout }) =>
          ((await once(stdout, 'data')) as [Buffer])[0].toString(),
        ),
      );
      // The next round finds the lock of a killed process.
      await Promise.all(processes.map((child) => (child.kill('SIGKILL'), once(child, 'exit'))));
      const winner = processes[answers.indexOf('won\n')];
      const refusal = `data folder in use: ${folder} (process ${winner?.pid})\n`;
      expect(answers.toSorted()).toEqual([...Array<string>(7).fill(refusal), 'won\n']);
    }
  });

  it.each([
    ['of a process that is gone', { pid: 999_999_999, start: 'long ago' }],
    ['of a pid that another process has now', { pid: process.pid, start: 'long ago' }],
    ['of a process that could not say when it started', { pid: process.pid }],
  ])('counts a lock %s for nothing', async (_case, holder) => {
    await writeFile(join(folder, 'lock.41'), JSON.stringify(holder));
    await lockFolder(folder);
    expect(await readdir(folder)).toEqual(['lock.42']);
  });

  it.each(['', '{"pid":', '\0\0\0\0', 'null', '[]'])(
    'survives the lock file %j',
    async (content) => {
      await writeFile(join(folder, 'lock.7'), content);
      await lockFolder(folder);
      expect(await readdir(folder)).toEqual(['lock.8']);
    },
  );

  it('believes the newest lock when older ones are still there', async () => {
    const holder = { pid: process.pid, start: startOf(process.pid) };
    await writeFile(join(folder, 'lock.9'), '');
    await writeFile(join(folder, 'lock.10'), JSON.stringify(holder));
    await expect(lockFolder(folder)).rejects.toThrow(DataFolderInUse);
  });
});
