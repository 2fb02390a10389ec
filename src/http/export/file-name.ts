import { createHash } from 'node:crypto';

/** What a file name can hold on every system, and a header without quoting. */
const UNSAFE = /[^\w.-]/g;

const HASH_LENGTH = 8;

/**
 * The name of an exported file: what it is of, its id and the day. Ids may hold any character; of
 * one that had to be changed a hash is added, so that different sessions have different names.
 */
export function fileName(kind: string, id: string, at: Date, extension: string): string {
  const safe = id.replace(UNSAFE, '_');
  const hash = createHash('sha256').update(id).digest('hex').slice(0, HASH_LENGTH);
  const name = safe === id ? id : `${safe}-${hash}`;
  return `${kind}-${name}-${at.toISOString().slice(0, 10)}.${extension}`;
}
