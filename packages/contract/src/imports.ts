import * as z from 'zod';
import { id } from './ids.ts';
import { refusal } from './refusal.ts';

const count = z.number().int().nonnegative();

/** How far an import is: bytes of its file, and what they said so far. */
export const importProgress = z.strictObject({
  progress: z.strictObject({ bytes: count, entries: count, imported: count }),
});
export type ImportProgress = z.infer<typeof importProgress>;

/**
 * What became of an imported file. `entries` is what it said that has a place in a session: of them
 * `imported` were new, `alreadyThere` were not. In a dry run nothing is stored and both are 0.
 */
export const importResult = z.strictObject({
  name: z.string(),
  format: z.string(),
  entries: count,
  imported: count,
  alreadyThere: count,
  /** How many sessions the file has something of, and the first of their ids. */
  sessions: count,
  sessionIds: z.array(id).readonly(),
  /** How many lines or parts could not be read, and why the first of them could not. */
  unreadable: count,
  faults: z
    .array(z.strictObject({ line: z.number().int().positive(), reason: z.string() }))
    .readonly(),
});
export type ImportResult = z.infer<typeof importResult>;

/** What `POST /api/import` sends line by line: progress, then the result or why there is none. */
export const importLine = z.union([
  importProgress,
  z.strictObject({ result: importResult }),
  z.strictObject({ refusal }),
]);
export type ImportLine = z.infer<typeof importLine>;

/** What became of one of several uploaded files. */
export const fileResult = z.union([
  z.strictObject({ name: z.string(), result: importResult }),
  z.strictObject({ name: z.string(), refusal }),
]);
export type FileResult = z.infer<typeof fileResult>;
