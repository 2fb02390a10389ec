import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const page = readFileSync(new URL('../../docs/operate.md', import.meta.url), 'utf8');

/** The shell commands under a heading of docs/operate.md, block by block. */
export const commandsUnder = (heading: string): string[] => {
  const [, section = ''] = page.split(`\n### ${heading}\n`);
  const [own = ''] = section.split(/^##/m);
  return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, commands]) => commands ?? '');
};

/** Runs commands as they stand, up to the first that fails. Throws with what it said. */
export async function runCommands(
  commands: string | undefined,
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Promise<void> {
  if (!commands) throw new Error('docs/operate.md does not say how');
  const run = promisify(execFile);
  await run('sh', ['-ec', commands], { cwd, env: { PATH: process.env.PATH, ...env } });
}
