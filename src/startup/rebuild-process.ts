import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Notice } from '../projecting/context.ts';
import type { RebuildProcess } from '../projecting/rebuild/rebuilds.ts';

/** Where a rebuild reads and writes. */
export interface RebuildPlace {
  readonly databaseUrl: string;
  /** An `esdb:` or `postgres:` address. */
  readonly logUrl: string;
  readonly streamPrefix: string;
}

/** Built beside this file; where sources run as they are, it was built into `dist`. */
const program = ['../operate/rebuild.js', '../../dist/src/operate/rebuild.js']
  .map((path) => fileURLToPath(new URL(path, import.meta.url)))
  .find((path) => existsSync(path));

/**
 * Starts the process that rebuilds read models. It ends when nothing is left to do, and when
 * this process ends, however that happens: then its standard input ends.
 */
export function startRebuildProcess(place: RebuildPlace, notice: Notice): RebuildProcess {
  const child = spawn(process.execPath, [program ?? ''], {
    env: { PATH: process.env.PATH, PLAYHEAD_REBUILD: JSON.stringify(place) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // It may be gone before it is asked to end.
  child.stdin.on('error', () => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    const reported = parsed(line);
    if (reported) notice(reported.message, reported.about);
  });
  createInterface({ input: child.stderr }).on('line', (line) => {
    notice('the process of a rebuild wrote', { line });
  });
  const ended = once(child, 'close').then(
    () => undefined,
    (failure: unknown) => notice('a rebuild could not be started', { error: String(failure) }),
  );
  return {
    ended,
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}

function parsed(
  line: string,
): { message: string; about: Readonly<Record<string, unknown>> } | undefined {
  try {
    return JSON.parse(line) as { message: string; about: Readonly<Record<string, unknown>> };
  } catch {
    return undefined;
  }
}
