import { execFile } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '../support/postgres-process.ts';

const checkout = join(import.meta.dirname, '../..');

describe('the build', () => {
  let project: string;
  beforeAll(async () => {
    project = await temporaryFolder();
    const settings = ['package.json', 'nest-cli.json', 'scripts/build.mjs', 'packages'];
    const compiler = ['tsconfig.base.json', 'tsconfig.json', 'tsconfig.build.json'];
    const filter = (path: string): boolean => !/\/(dist|[^/]*\.tsbuildinfo)$/.test(path);
    for (const path of [...settings, ...compiler]) {
      await cp(join(checkout, path), join(project, path), { recursive: true, filter });
    }
    await mkdir(join(project, 'src'));
    await mkdir(join(project, 'node_modules'));
    for (const name of await readdir(join(checkout, 'node_modules'))) {
      if (name === '.cache') continue;
      await symlink(join(checkout, 'node_modules', name), join(project, 'node_modules', name));
    }
    await write('export const answer: number = 1;\n');
  });
  afterAll(() => rm(project, { recursive: true }));

  const write = (code: string): Promise<void> => writeFile(join(project, 'src/answer.ts'), code);
  const built = (): Promise<string> => readFile(join(project, 'dist/src/answer.js'), 'utf8');

  const build = (): Promise<{ code: number | null; stdout: string; stderr: string }> =>
    new Promise((resolve) => {
      const child = execFile(
        process.execPath,
        [join(project, 'scripts/build.mjs')],
        (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
      );
    });

  it('happens once when several ask for it at once, and not at all when it is fresh', async () => {
    const builds = await Promise.all([build(), build(), build()]);
    expect(builds.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(builds.map(({ stdout }) => stdout).toSorted()).toEqual(['', '', 'building …\n']);
    expect(await built()).toContain('answer = 1');
    expect(await readdir(join(project, 'packages/contract/dist'))).toContain('index.js');
    expect(await build()).toEqual({ code: 0, stdout: '', stderr: '' });
  }, 240_000);

  it('follows a change of the sources', async () => {
    await write('export const answer: number = 2;\n');
    expect(await build()).toMatchObject({ code: 0, stdout: 'building …\n' });
    expect(await built()).toContain('answer = 2');
  });

  it.each([
    ['of a process that is gone', '999999999', Date.now()],
    ['that is hours old, whoever has its pid now', String(process.pid), 0],
  ])('is not stopped by a lock %s', async (_case, pid, when) => {
    const lock = join(project, 'node_modules/.cache/playhead/build.lock');
    await writeFile(lock, pid);
    await utimes(lock, when / 1000, when / 1000);
    await write(`export const answer: string = '${pid}';\n`);
    expect(await build()).toMatchObject({ code: 0 });
    expect(await built()).toContain(`answer = '${pid}'`);
  });

  it('fails with the file and line of a mistake, and keeps the last good build', async () => {
    await write('export const answer = = 3;\n');
    const failed = await build();
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('src/answer.ts');
    expect(await built()).toContain(`answer = '${process.pid}'`);
    expect(await readdir(join(project, 'node_modules/.cache/playhead'))).toEqual([]);
  });
});
