import * as z from 'zod';

/**
 * How far a rebuild of a read model is.
 *
 * - `reading`: whole sessions are read, folded and copied into tables of their own.
 * - `indexing`: the tables get their indexes.
 * - `catching-up`: what was appended since is applied.
 * - `comparing`: the rows are compared with those that are read.
 * - `ready`: a swap may follow. `refused`: rows differ in what nobody declared or accepted.
 * - `compared`: the end of a dry run. `failed`: see `error`; it does not go on by itself.
 */
export const rebuildPhase = z.enum([
  'reading',
  'indexing',
  'catching-up',
  'comparing',
  'ready',
  'refused',
  'compared',
  'failed',
]);
export type RebuildPhase = z.infer<typeof rebuildPhase>;

/** Phases in which a process is at work. */
export const workingPhases: readonly RebuildPhase[] = [
  'reading',
  'indexing',
  'catching-up',
  'comparing',
];

/** Columns, `(missing)`, `(added)` or `(rollup)`: differences that the operator accepts. */
const accepted = z.array(z.string().min(1).max(63)).max(100);

/** What to rebuild, in one reading of the log. */
export const rebuildRequest = z.strictObject({
  names: z.array(z.string().min(1).max(63)).min(1).max(50),
  /** Compares and drops what was made: nothing is swapped. */
  dryRun: z.boolean().optional(),
  accept: accepted.optional(),
});

/** What a swap may pass over. */
export const swapRequest = z.strictObject({ accept: accepted.optional() });

/** A row that is not the same in both copies of a read model. */
export const copyDifference = z.object({
  session: z.string(),
  key: z.string().nullable(),
  column: z.string(),
  old: z.string().nullable(),
  new: z.string().nullable(),
});

/** What the comparison of two copies at one position found. */
export const rowComparison = z.object({
  position: z.string(),
  rows: z.object({ old: z.number(), new: z.number() }),
  digests: z.object({ old: z.string(), new: z.string() }),
  /** How many rows differ, by column, `(missing)` and `(added)`; of sums, groups in `(rollup)`. */
  differing: z.record(z.string(), z.number()),
  /** The first rows that differ. */
  differences: z.array(copyDifference),
  /** Columns that the new version declares to change. */
  notCompared: z.array(z.string()),
  tookMs: z.number(),
});
export type RowComparison = z.infer<typeof rowComparison>;

/** A copy of a read model. */
export const readModelCopy = z.object({
  /** The version that made the rows. */
  version: z.number(),
  position: z.string(),
  /** Another version has gone on with these rows. */
  mixed: z.boolean(),
  /** Sessions that are parked in it. */
  parked: z.number(),
  retiredAt: z.iso.datetime().nullable(),
});

/** A rebuild that is being done, or waits for the operator. */
export const rebuildStatus = z.object({
  phase: rebuildPhase,
  version: z.number(),
  automatic: z.boolean(),
  dryRun: z.boolean(),
  accepted: z.array(z.string()),
  /** Events that were read, of about how many. */
  events: z.number(),
  eventsTotal: z.number().nullable(),
  eventsPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  startedAt: z.iso.datetime(),
  error: z.string().nullable(),
  compared: rowComparison.nullable(),
});
export type RebuildStatus = z.infer<typeof rebuildStatus>;

/** A read model with its copies and what is being done. */
export const readModelStatus = z.object({
  name: z.string(),
  /** The version of the build that answers. */
  version: z.number(),
  /** The rows that are read; null before the first was made. */
  served: readModelCopy.nullable(),
  /** The rows before the last swap, kept for a rollback. */
  previous: readModelCopy.nullable(),
  rebuild: rebuildStatus.nullable(),
});
export type ReadModelStatus = z.infer<typeof readModelStatus>;

/** All read models. */
export const readModelsListed = z.object({ projections: z.array(readModelStatus) });

/** What a swap or a rollback did. */
export const swapped = z.object({
  /** The version that is read from now on. */
  version: z.number(),
  position: z.string(),
  /** For how many milliseconds readers may have waited. */
  pauseMs: z.number(),
});
export type Swapped = z.infer<typeof swapped>;
