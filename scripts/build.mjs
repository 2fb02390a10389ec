// Builds the packages' dist and dist when their sources are newer than what is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cache = join(root, 'node_modules', '.cache', 'playhead');
const stampFile = join(root, 'dist', 'stamp');
const packages = ['packages/contract', 'packages/client', 'packages/cli'];
const outputs = [
  stampFile,
  join(root, 'packages/contract/dist/index.js'),
  join(root, 'packages/client/dist/index.js'),
  join(root, 'packages/cli/dist/main.js'),
];

const sources = [
  ...['src', 'projections', 'migrations', 'bench', 'packages'],
  ...['tsconfig.base.json', 'tsconfig.json', 'tsconfig.build.json', 'nest-cli.json'],
  ...['package-lock.json', 'scripts/build.mjs'],
];

const filesIn = (path) => {
  if (!existsSync(path)) return [];
  if (statSync(path).isFile()) return path.endsWith('.tsbuildinfo') ? [] : [path];
  return readdirSync(path)
    .filter((name) => name !== 'dist' && name !== 'node_modules')
    .sort()
    .flatMap((name) => filesIn(join(path, name)));
};

const stampOfSources = () => {
  const hash = createHash('sha256');
  for (const file of sources.flatMap((source) => filesIn(join(root, source)))) {
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
};

const isFresh = (stamp) =>
  outputs.every((output) => existsSync(output)) && readFileSync(stampFile, 'utf8') === stamp;

const longestBuildMs = 300_000;

/** The pid may be somebody else's by now, so no lock holds for long. */
const isStale = (lock) => {
  try {
    if (Date.now() - statSync(lock).mtimeMs > longestBuildMs) return true;
    const holder = Number(readFileSync(lock, 'utf8'));
    // Empty while its holder is writing it.
    if (holder > 0) process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
};

/** One build at a time. */
const locked = async (work) => {
  const lock = join(cache, 'build.lock');
  mkdirSync(cache, { recursive: true });
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (isStale(lock)) rmSync(lock, { force: true });
      await sleep(100);
    }
  }
  try {
    return work();
  } finally {
    rmSync(lock, { force: true });
  }
};

const run = (program, ...args) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', program), ...args],
    { cwd: root, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`build failed\n${stdout}${stderr}`.trim());
};

/** Into a folder of its own, then put in place: who runs from dist sees one whole build. */
const compile = (stamp) => {
  const work = join(cache, 'build');
  const config = join(work, 'tsconfig.json');
  const [fresh, old] = [join(work, 'dist'), join(work, 'old')];
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work);
  const compilerOptions = { outDir: fresh, noCheck: true };
  const extended = join(root, 'tsconfig.build.json');
  writeFileSync(config, JSON.stringify({ extends: extended, compilerOptions }));
  try {
    run('typescript/bin/tsc', '-b', '--noCheck', ...packages);
    run('@nestjs/cli/bin/nest.js', 'build', '--path', relative(root, config));
    writeFileSync(join(fresh, 'stamp'), stamp);
    if (existsSync(join(root, 'dist'))) renameSync(join(root, 'dist'), old);
    renameSync(fresh, join(root, 'dist'));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
};

/** Builds when stale. Throws with the compiler's words. `npm run typecheck` checks types. */
export const build = async (say = console.log) => {
  if (isFresh(stampOfSources())) return;
  await locked(() => {
    const stamp = stampOfSources();
    if (isFresh(stamp)) return;
    say('building …');
    compile(stamp);
  });
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
