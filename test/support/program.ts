import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The built service, as `RunningService` runs it, but with nothing set beforehand. */
const service = [process.execPath, 'dist/src/main.js'];

/** A start may take long on a machine that has much else to do. */
const patienceMs = 50_000;

/** A program as a terminal runs it: in a process group of its own, in the project's folder. */
export class Program {
  stdout = '';
  stderr = '';
  /** The exit code, once its output has ended too; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  isOver = false;
  readonly #child: ChildProcess;
  static readonly #running = new Set<Program>();

  /** Its environment is `env` and the path to programs, nothing else. */
  constructor(env: Record<string, string>, [file = '', ...args]: readonly string[] = service) {
    const child = spawn(file, args, {
      cwd: root,
      detached: true,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (text: Buffer) => (this.stdout += text.toString()));
    child.stderr.on('data', (text: Buffer) => (this.stderr += text.toString()));
    this.#child = child;
    Program.#running.add(this);
    this.ended = once(child, 'close').then(([code]) => {
      this.isOver = true;
      Program.#running.delete(this);
      return code as number | null;
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What the first group of `pattern` matches in its output, once it does. */
  async printed(pattern: RegExp): Promise<string> {
    const deadline = Date.now() + patienceMs;
    while (!pattern.test(this.stdout) && !this.isOver && Date.now() < deadline) await sleep(5);
    const [, found] = pattern.exec(this.stdout) ?? [];
    if (found === undefined)
      throw new Error(`it did not print ${pattern}: ${this.stdout}${this.stderr}`);
    return found;
  }

  /** Where the service that runs in it listens, once it does. */
  url(): Promise<string> {
    return this.printed(/listens on (http:\S+)/);
  }

  /** The one line in which it says why it does not start. */
  async refusal(): Promise<string> {
    const code = await this.ended;
    expect([code, this.stdout]).toEqual([1, '']);
    expect(this.stderr).toMatch(/^[^\n]+\n$/);
    return this.stderr.trimEnd();
  }

  /** As `kill` does: to this process alone. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As a terminal does, to the whole group. */
  signalGroup(signal: NodeJS.Signals): void {
    process.kill(-this.pid, signal);
  }

  /** SIGTERM, then its exit code. */
  async stop(): Promise<number | null> {
    this.signal('SIGTERM');
    return this.ended;
  }

  /** Ends what a test that failed has left running. */
  static async killAll(): Promise<void> {
    for (const program of [...Program.#running]) {
      program.signalGroup('SIGKILL');
      await program.ended;
    }
  }
}

/** Resolves with the status of a GET with this key. */
export async function statusOf(url: string, key: string): Promise<number> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${key}` } });
  await answer.text();
  return answer.status;
}
