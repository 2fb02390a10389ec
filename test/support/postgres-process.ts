import { spawn, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** A process that holds, or tries to hold, an embedded Postgres. */
export interface PostgresProcess {
  readonly pid: number;
  /** The server's URL; rejects with what the process printed when it ended instead. */
  readonly url: Promise<string>;
  /** Sends the signal and waits for the end of the process. */
  end(signal: NodeJS.Signals): Promise<void>;
}

export interface ProcessOptions extends SpawnOptions {
  /** The root of another installation; this checkout when missing. */
  readonly installation?: string;
}

const checkout = join(import.meta.dirname, '../..');

/** Starts a process that starts an embedded Postgres, in a process group of its own. */
export const holdPostgres = (dataDir: string, options: ProcessOptions = {}): PostgresProcess => {
  const { installation = checkout, ...rest } = options;
  const script = join(installation, 'test/support/postgres-process.mjs');
  const args = [script, dataDir];
  const child = spawn(process.execPath, args, { detached: true, ...rest, stdio: 'pipe' });
  const exited = once(child, 'exit');
  const printed = new Promise<string>((resolve) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString().trim()));
  });
  const errors = child.stderr ? text(child.stderr) : Promise.resolve('');
  const url = Promise.race([
    printed,
    exited.then(async () => Promise.reject(new Error((await errors).trim()))),
  ]);
  url.catch(() => undefined);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    child.kill(signal);
    await exited;
  };
  return { pid: child.pid ?? 0, url, end };
};

/** A new folder that the next test run removes, with what runs in it, when this one is killed. */
export const temporaryFolder = async (): Promise<string> =>
  realpath(await mkdtemp(join(tmpdir(), `playhead-test-${process.pid}-`)));

/** Processes whose command line names the folder, by id. */
export const processesIn = (folder: string): number[] =>
  readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== process.pid && commandLine(pid).includes(folder));

const commandLine = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
};

/** Runs one statement on a connection of its own. */
export const query = async <Row extends pg.QueryResultRow>(
  url: string,
  statement: string,
): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  // A server that is killed says so on its own; the query fails as well.
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
};

/** Waits until the condition holds; gives up after 20 seconds. */
export const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('waited 20 s in vain');
    await sleep(5);
  }
};
