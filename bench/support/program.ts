import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** A server in a process of its own. */
export interface Program {
  readonly url: string;
  readonly pid: number;
  /** Resident memory, in bytes (Linux). */
  memory(): number;
  /** A number that the service tells of itself at `/metrics`. */
  metric(name: string): Promise<number>;
  stop(signal?: 'SIGKILL'): Promise<void>;
}

/** The key that the service takes in benches; it may do everything. */
export const adminKey = 'the-admin-key-of-the-benches';

/**
 * Starts the service as it is built, on a database, without limits of rate or number; `env` is
 * added to its environment.
 */
export const startService = (
  databaseUrl: string,
  port = '0',
  env: Readonly<Record<string, string>> = {},
): Promise<Program> =>
  startProgram('../../src/main.js', {
    ...env,
    PORT: port,
    DATABASE_URL: databaseUrl,
    PLAYHEAD_ADMIN_KEY: adminKey,
    PLAYHEAD_INGEST_PER_MINUTE: '1000000',
    PLAYHEAD_REQUESTS_PER_MINUTE: '100000000',
    PLAYHEAD_SOCKETS_PER_KEY: '100000',
    PLAYHEAD_LOG_LEVEL: 'error',
  });

/** Starts what the service is measured beside: see `bare-server.ts`. */
export const startBareServer = (): Promise<Program> => startProgram('./bare-server.js', {});

/** Starts what streams are measured beside: see `bare-sse-server.ts`. */
export const startBareSseServer = (): Promise<Program> => startProgram('./bare-sse-server.js', {});

/** Resolves when the program says where it listens. */
async function startProgram(file: string, env: Record<string, string>): Promise<Program> {
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [, address] = /listens on (http:\S+)/.exec(line) ?? [];
      if (address) resolve(address);
    });
  });
  return {
    url,
    pid: Number(child.pid),
    memory: () => {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
    },
    async metric(name) {
      const headers = { authorization: `Bearer ${adminKey}` };
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
    },
    async stop(signal) {
      child.kill(signal);
      await once(child, 'exit');
    },
  };
}
