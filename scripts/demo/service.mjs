// Finds the service that the demo plays into, or starts one with a data folder of its own.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const start = fileURLToPath(new URL('../start.mjs', import.meta.url));

/** `{ url, key, stop }` of a service; throws when one runs here and its key is not known. */
export async function findService(env) {
  const host = env.HOST || '127.0.0.1';
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${env.PORT || 3000}`;
  const runs = await fetch(`${url}/health/live`).then(
    (answer) => answer.ok,
    () => false,
  );
  if (!runs) return startService(env);
  if (!env.PLAYHEAD_ADMIN_KEY) {
    throw new Error(`a service runs at ${url}: say its key, PLAYHEAD_ADMIN_KEY=… npm run demo`);
  }
  return { url, key: env.PLAYHEAD_ADMIN_KEY, stop: async () => {} };
}

async function startService(env) {
  const dataDir = await mkdtemp(join(tmpdir(), 'playhead-demo-'));
  const key = `ph_${randomBytes(24).toString('base64url')}`;
  const own = { PORT: '0', PLAYHEAD_DATA_DIR: dataDir, PLAYHEAD_ADMIN_KEY: key, DATABASE_URL: '' };
  const child = spawn(process.execPath, [start], {
    env: { ...env, ...own },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => void stop().finally(() => process.exit(1)));
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const [, url] = /listens on (http:\S+)/.exec(line) ?? [];
    if (url) return { url, key, stop };
  }
  await stop();
  throw new Error('the service did not start');
}
