import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { read, root } from '../support/sources.ts';

/** A block of the page: what goes into which file, and after which of its lines or in its place. */
interface Change {
  readonly path: string;
  readonly line: string | undefined;
  readonly isInstead: boolean;
  readonly text: string;
}

const BLOCK =
  /^( *)```(?:ts|jsonl) (\S+\.(?:ts|jsonl))(?: (after|instead of) `(.+)`)?\n([\s\S]*?)^ *```$/gm;

const changesIn = (page: string): Change[] =>
  [...page.matchAll(BLOCK)].map(([, indent = '', path = '', how, line, text = '']) => ({
    ...{ path, line, isInstead: how === 'instead of' },
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));

function make({ path, line, isInstead, text }: Change, folder: string): void {
  const file = join(folder, path);
  if (line === undefined) return writeFileSync(file, text, { flag: 'wx' });
  const lines = readFileSync(file, 'utf8').split('\n');
  const at = lines.indexOf(line);
  if (at < 0 || lines.includes(line, at + 1)) throw new Error(`${path}: not once: ${line}`);
  lines.splice(isInstead ? at : at + 1, isInstead ? 1 : 0, ...text.trimEnd().split('\n'));
  writeFileSync(file, lines.join('\n'));
}

/** The sources with the packages that are installed; those of the workspace are the copy's own. */
function copyOf(folder: string): void {
  const isSource = (name: string): boolean =>
    !['node_modules', 'dist', '.git', '.playhead'].includes(name) && !name.endsWith('tsbuildinfo');
  cpSync(root, folder, {
    recursive: true,
    filter: (path) => isSource(path.slice(path.lastIndexOf('/') + 1)),
  });
  const link = (from: string, to: string): void => {
    mkdirSync(join(folder, to));
    for (const name of readdirSync(join(root, from))) {
      const isOwn = name === '@playhead' || name === '.cache';
      if (!isOwn) symlinkSync(join(root, from, name), join(folder, to, name));
    }
  };
  link('node_modules', 'node_modules');
  mkdirSync(join(folder, 'node_modules/@playhead'));
  for (const name of readdirSync(join(folder, 'packages'))) {
    symlinkSync(join(folder, 'packages', name), join(folder, 'node_modules/@playhead', name));
    const own = join('packages', name, 'node_modules');
    if (readdirSync(join(root, 'packages', name)).includes('node_modules')) link(own, own);
  }
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playhead-extended-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Without what this run has set up for its own tests. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(PLAYHEAD_|EVENTSTORE_|DATABASE_|JEST_|NODE_OPTIONS)/.test(name),
  ),
);

async function run(
  more: Record<string, string>,
  ...command: readonly [string, ...string[]]
): Promise<void> {
  const [script, ...rest] = command;
  const options = { cwd: folder, env: { ...environment, ...more }, maxBuffer: 1e8 };
  await promisify(execFile)(process.execPath, [script, ...rest], options).catch(
    (failure: { stdout?: string; stderr?: string }) => {
      throw new Error(`${command.join(' ')}\n${failure.stdout}\n${failure.stderr}`);
    },
  );
}

it('the recipes for event types and a projection work as they are written', async () => {
  const changes = changesIn(read('docs/extending.md'));
  expect(changes.length).toBeGreaterThanOrEqual(23);
  copyOf(folder);
  for (const change of changes) make(change, folder);
  const tsc = 'node_modules/typescript/bin/tsc';
  await run({}, tsc, '-b', 'packages/contract', 'packages/client', 'packages/cli');
  await run({}, tsc, '--noEmit');
  const corpus = ['scripts/test.mjs', 'test/corpus'] as const;
  // As a developer does it; CI writes nothing.
  await run({ PLAYHEAD_WRITE_CORPUS: '1', CI: '' }, ...corpus);
  const tests = ['test/service/bookmarks', 'test/tidy/entities', 'test/tidy/lists'];
  await run({}, ...corpus, ...tests);
}, 600_000);

it('a block that fits no line, or more than one, is caught', () => {
  const [change] = changesIn('```ts src/main.ts after `no such line`\nx\n```\n');
  expect(() => make(change!, root)).toThrow('src/main.ts: not once: no such line');
});
