import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { until } from './postgres-process.ts';

// What the bin file runs once it has built what is stale, which the test run has done.
const main = join(import.meta.dirname, '../../packages/cli/dist/main.js');

/** What a run of the command came to. */
export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A run of the command line, as a person types it who has set these variables and no others. */
export class Run {
  readonly #child;
  readonly #ended: Promise<[number | null]>;
  readonly #err: Promise<string>;
  #out = '';

  constructor(args: readonly string[], env: Record<string, string>, input = '', program = main) {
    const child = spawn(process.execPath, [program, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#ended = once(child, 'close') as Promise<[number | null]>;
    this.#err = text(child.stderr);
    child.stdout.setEncoding('utf8').on('data', (more: string) => (this.#out += more));
    child.stdin.on('error', () => undefined).end(input);
  }

  /** The lines printed so far that are whole. */
  get lines(): string[] {
    return this.#out.split('\n').slice(0, -1);
  }

  /** Resolves once so many lines are printed. */
  printed(lines: number): Promise<void> {
    return until(() => this.lines.length >= lines);
  }

  /** As Ctrl-C does. */
  interrupt(): void {
    this.#child.kill('SIGINT');
  }

  /** Whoever reads what it prints goes away. */
  closePipe(): void {
    this.#child.stdout.destroy();
  }

  async ended(): Promise<Ended> {
    const [[code], err] = await Promise.all([this.#ended, this.#err]);
    return { code, out: this.#out, err };
  }
}
