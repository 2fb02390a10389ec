import { readFileSync } from 'node:fs';
import { ConfigError } from '../config.ts';

/** Settings that hold a secret. Each may be given as `<name>_FILE` instead. */
const SECRETS = [
  'PLAYHEAD_ADMIN_KEY',
  'AGENTPIPE_BRIDGE_API_KEY',
  'DATABASE_URL',
  'EVENTSTORE_URL',
] as const;

/**
 * The environment with what `<name>_FILE` names read from that file, without the line's end.
 * Throws `ConfigError` when a file cannot be read, is empty, or the setting is there as well.
 */
export function withSecretFiles(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const read = SECRETS.flatMap((name) => {
    const file = env[`${name}_FILE`];
    return file ? [[name, secretIn(`${name}_FILE`, file)] as const] : [];
  });
  for (const [name] of read) {
    if (env[name]) throw new ConfigError(`${name}: is set beside ${name}_FILE`);
  }
  return { ...env, ...Object.fromEntries(read) };
}

function secretIn(name: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch (failure) {
    throw new ConfigError(`${name}: ${(failure as Error).message}`);
  }
  if (text === '') throw new ConfigError(`${name}: ${file} is empty`);
  return text;
}
