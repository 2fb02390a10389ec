import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build, type BuildResult } from 'esbuild';
import { root } from '../support/sources.ts';

/** What a page with `connect` and `openSession` may weigh: bytes, minified and compressed. */
const PAGE_BYTES_MAX = 30_000;

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const execute = promisify(execFile);

/** Runs a program and returns what it printed; when it fails, throws with what it printed. */
async function run(cwd: string, program: string, ...args: string[]): Promise<string> {
  try {
    return (await execute(program, args, { cwd })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${program} ${args.join(' ')}\n${stdout}${stderr}`, { cause: error });
  }
}

/** `npm` without the network and without what the run above it has set for npm. */
const npm = (cwd: string, ...args: string[]): Promise<string> =>
  run(cwd, 'npm', ...args, '--offline', '--no-audit', '--no-fund', '--cache', join(cwd, '.npm'));

/** Packs folders; returns the paths of the archives by the names of the packages. */
async function pack(
  archives: string,
  folders: readonly string[],
  ...options: string[]
): Promise<Map<string, string>> {
  const args = ['pack', '--silent', '--pack-destination', archives, ...options, ...folders];
  const files = (await npm(archives, ...args)).trim().split('\n');
  const manifests = await Promise.all(folders.map((folder) => manifestOf(folder)));
  return new Map(
    manifests.map(({ name }, nth) => [name, join(archives, files.at(nth - folders.length) ?? '')]),
  );
}

interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const manifestOf = async (folder: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;

/** Packages and all that they depend on, as they are installed here. */
async function withDependencies(names: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>();
  const queue = [...names];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const { dependencies = {} } = await manifestOf(`${root}node_modules/${name}`);
    queue.push(...Object.keys(dependencies));
  }
  return found;
}

const plainPage = `
import { connect, type Session } from '@playhead/client';

const client = connect({ url: 'http://127.0.0.1:3000', token: 'ph_key' });
const session: Session = client.openSession('tea');
session.subscribe(() => {
  const { view, status } = session.snapshot;
  const lines: string[] = view?.messages.map(({ content }) => content) ?? [];
  document.body.textContent = [status, ...lines].join(', ');
});
`;

const contractPage = `
import { asKnown, commandTypes, evolveOpenView } from '@playhead/contract';
import type { OpenView, SessionEvent } from '@playhead/contract';

export const viewOf = (events: readonly SessionEvent[]): OpenView | undefined =>
  events.reduce<OpenView | undefined>(evolveOpenView, undefined);
export const textOf = (event: SessionEvent): string | undefined => {
  const known = asKnown(event);
  return known?.type === 'message.posted' ? known.data.content : undefined;
};
export const isPost = (data: unknown): boolean =>
  commandTypes['message.post'].safeParse(data).success;
`;

const reactPage = `
import { connect } from '@playhead/client';
import { ClientProvider, useSession, useSessions, useTyping } from '@playhead/client/react';
import { sessionCache } from '@playhead/client/react';
import { QueryClient } from '@tanstack/react-query';
import { createRoot } from 'react-dom/client';

const client = connect({ url: 'http://127.0.0.1:3000', token: 'ph_key' });
sessionCache(new QueryClient()).follow(client.openConsole());

function Chat() {
  const { sessions = [] } = useSessions({ state: 'working' });
  const { view, command } = useSession('tea');
  const { typists, setTyping } = useTyping('tea');
  const post = () => void command('message.post', { content: 'Green' });
  return (
    <main onKeyDown={() => setTyping(true)} onClick={post}>
      {sessions.length} {view?.session.name} {typists.join(', ')}
    </main>
  );
}

createRoot(document.body).render(<ClientProvider value={client}><Chat /></ClientProvider>);
`;

/** As Vite's templates have it, but the types of the packages are checked too. */
const tsconfig = {
  compilerOptions: {
    ...{ target: 'es2023', module: 'esnext', moduleResolution: 'bundler', jsx: 'react-jsx' },
    ...{ lib: ['ES2023', 'DOM', 'DOM.Iterable'], types: [], moduleDetection: 'force' },
    ...{ strict: true, noUnusedLocals: true, noUnusedParameters: true, noEmit: true },
    ...{ allowImportingTsExtensions: true, verbatimModuleSyntax: true, skipLibCheck: false },
    ...{ erasableSyntaxOnly: true, noFallthroughCasesInSwitch: true },
  },
  include: ['src'],
};

describe('the packages as archives', () => {
  let folder: string;
  let own: Map<string, string>;
  let foreign: Map<string, string>;

  /** Packed from sources alone, as in a fresh clone: what was built here before is not taken. */
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-packages-'));
    const [archives, sources] = [join(folder, 'archives'), join(folder, 'packages')];
    await mkdir(archives);
    await mkdir(join(sources, 'node_modules/@playhead'), { recursive: true });
    await symlink(`${root}node_modules`, join(folder, 'node_modules'));
    await cp(`${root}tsconfig.base.json`, join(folder, 'tsconfig.base.json'));
    const names = ['contract', 'client'];
    for (const name of names) {
      await cp(`${root}packages/${name}`, join(sources, name), {
        recursive: true,
        filter: (path) => !/\/(dist|node_modules)$|\.tsbuildinfo$/.test(path),
      });
      await symlink(join(sources, name), join(sources, 'node_modules/@playhead', name));
    }
    own = await pack(
      archives,
      names.map((name) => join(sources, name)),
    );
    const installed = await withDependencies([
      ...['zod', 'socket.io-client', 'react', 'react-dom', '@types/react', '@types/react-dom'],
      '@tanstack/react-query',
    ]);
    const folders = [...installed].map((name) => `${root}node_modules/${name}`);
    foreign = await pack(archives, folders, '--ignore-scripts');
  }, 240_000);

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** An empty project with what was asked for, installed by npm, and nothing else. */
  async function project(
    name: string,
    wanted: readonly string[],
    files: Readonly<Record<string, string>>,
  ): Promise<string> {
    const at = join(folder, name);
    await mkdir(join(at, 'src'), { recursive: true });
    const archived = [...own, ...foreign].filter(([known]) => wanted.includes(known));
    const dependencies = Object.fromEntries(
      archived.map(([known, file]) => [known, `file:${file}`]),
    );
    const manifest = { name, private: true, type: 'module', dependencies };
    await writeFile(join(at, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(at, 'tsconfig.json'), JSON.stringify(tsconfig));
    for (const [file, text] of Object.entries(files)) await writeFile(join(at, 'src', file), text);
    await npm(at, 'install', '--ignore-scripts');
    return at;
  }

  const bundle = (
    at: string,
    entry: string,
  ): Promise<BuildResult<{ write: false; metafile: true }>> =>
    build({
      entryPoints: [join(at, 'src', entry)],
      ...{ bundle: true, minify: true, format: 'esm', target: 'es2022', jsx: 'automatic' },
      ...{ write: false, metafile: true, logLevel: 'error', absWorkingDir: at },
    });

  it('hold what was built, a licence and a page to read, and nothing else', async () => {
    for (const archive of own.values()) {
      const listed = (await run(folder, 'tar', '-tzf', archive)).trim().split('\n');
      const files = listed.map((file) => file.replace('package/', ''));
      expect(files.filter((file) => !file.startsWith('dist/')).sort()).toEqual([
        ...['LICENSE', 'README.md', 'package.json'],
      ]);
      expect(files).toContain('dist/index.js');
      expect(files).toContain('dist/index.d.ts');
      const licence = await run(folder, 'tar', '-xzOf', archive, 'package/LICENSE');
      expect(licence).toBe(await readFile(`${root}LICENSE`, 'utf8'));
    }
  });

  it('type-check and build in an empty project without skipLibCheck', async () => {
    const wanted = [...own.keys(), ...(await withDependencies(['zod', 'socket.io-client']))];
    const at = await project('plain', wanted, {
      'main.ts': plainPage,
      'contract.ts': contractPage,
    });
    expect(await run(at, process.execPath, tsc, '-p', at)).toBe('');
    expect((await bundle(at, 'contract.ts')).warnings).toEqual([]);
    const { outputFiles, metafile } = await bundle(at, 'main.ts');
    const bytes = gzipSync(outputFiles[0]?.contents ?? '').length;
    expect(bytes).toBeGreaterThan(5_000);
    expect(bytes).toBeLessThanOrEqual(PAGE_BYTES_MAX);
    const loaded = Object.keys(metafile.inputs).filter((file) =>
      file.includes('node_modules/zod/'),
    );
    const [output] = Object.values(metafile.outputs);
    expect(loaded.filter((file) => output?.inputs[file]?.bytesInOutput)).toEqual([]);
    await writeFile(join(at, 'src/wrong.ts'), plainPage.replace('openSession', 'openSessions'));
    await expect(run(at, process.execPath, tsc, '-p', at)).rejects.toThrow(/openSessions/);
  }, 120_000);

  it('type-check and build with React and TanStack Query', async () => {
    const at = await project('react', [...own.keys(), ...foreign.keys()], {
      'main.tsx': reactPage,
    });
    expect(await run(at, process.execPath, tsc, '-p', at)).toBe('');
    expect((await bundle(at, 'main.tsx')).warnings).toEqual([]);
  }, 120_000);
});
