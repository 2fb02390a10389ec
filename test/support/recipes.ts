import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './sources.ts';

/** A block of the page: what goes into which file, and after which of its lines or in its place. */
export interface Change {
  readonly path: string;
  readonly line: string | undefined;
  readonly isInstead: boolean;
  readonly text: string;
}

const BLOCK =
  /^( *)```(?:ts|jsonl) (\S+\.(?:ts|jsonl))(?: (after|instead of) `(.+)`)?\n([\s\S]*?)^ *```$/gm;

/** The changes that a page describes, in their order. */
export const changesIn = (page: string): Change[] =>
  [...page.matchAll(BLOCK)].map(([, indent = '', path = '', how, line, text = '']) => ({
    ...{ path, line, isInstead: how === 'instead of' },
    text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  }));

/** Makes a change in a copy. Throws when its line is not there exactly once. */
export function make({ path, line, isInstead, text }: Change, folder: string): void {
  const file = join(folder, path);
  if (line === undefined) return writeFileSync(file, text, { flag: 'wx' });
  const lines = readFileSync(file, 'utf8').split('\n');
  const at = lines.indexOf(line);
  if (at < 0 || lines.includes(line, at + 1)) throw new Error(`${path}: not once: ${line}`);
  lines.splice(isInstead ? at : at + 1, isInstead ? 1 : 0, ...text.trimEnd().split('\n'));
  writeFileSync(file, lines.join('\n'));
}

/** The sources with the packages that are installed; those of the workspace are the copy's own. */
export function copyOf(folder: string): void {
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

/** Without what this run has set up for its own tests. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(PLAYHEAD_|EVENTSTORE_|DATABASE_|JEST_|NODE_OPTIONS)/.test(name),
  ),
);

/** Runs a script of a copy with Node, without this run's own environment. */
export async function runIn(
  folder: string,
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
