import type { RebuildPhase } from '@playhead/contract';
import type { EntityManager } from 'typeorm';
import type { Checkpoint } from '../checkpoints.ts';
import type { Projection } from '../projection.ts';
import type { Comparison } from './compare.ts';

/** A rebuild of one read model. Those of one job read the log together. */
export interface Rebuild {
  readonly projection: string;
  readonly job: string;
  readonly version: number;
  readonly epoch: string;
  readonly phase: RebuildPhase;
  /** Nobody asked for it: it swaps by itself when the proof holds. */
  readonly automatic: boolean;
  readonly dryRun: boolean;
  /** Columns, `(missing)` or `(added)` in which the operator accepts differences. */
  readonly accepted: readonly string[];
  /** The last event that sessions are read up to; what comes after it is caught up with. */
  readonly through: string;
  readonly throughEvent: string | null;
  readonly throughStream: string | null;
  readonly throughRevision: number | null;
  /** About how many events are read; null while that is not known. */
  readonly eventsTotal: number | null;
  readonly compared: Comparison | null;
  readonly error: string | null;
  readonly startedAt: Date;
  readonly phaseAt: Date;
}

/** A part of the sessions, which one worker reads. */
export interface RebuildPart {
  readonly part: number;
  /** Sessions up to this stream are in the tables. */
  readonly after: string;
  readonly until: string;
  readonly events: number;
  readonly done: boolean;
}

/** Runs statements, alone or in a transaction. */
export type Database = Pick<EntityManager, 'query'>;

const COLUMNS = `projection, job, version, epoch, phase, automatic, dry_run as "dryRun", accepted,
  through, through_event as "throughEvent", through_stream as "throughStream",
  through_revision as "throughRevision", events_total::float8 as "eventsTotal", compared, error,
  started_at as "startedAt", phase_at as "phaseAt"`;

/** All rebuilds there are, by projection. */
export const readRebuilds = (database: Database): Promise<Rebuild[]> =>
  database.query<Rebuild[]>(`select ${COLUMNS} from rebuilds order by projection`);

/** The rebuild of a projection, if there is one. */
export async function readRebuild(
  database: Database,
  projection: string,
): Promise<Rebuild | undefined> {
  const [found] = await database.query<Rebuild[]>(
    `select ${COLUMNS} from rebuilds where projection = $1`,
    [projection],
  );
  return found;
}

/**
 * Puts down a rebuild that reads sessions up to a checkpoint. False when there is one of this
 * version and log that has not ended.
 */
export async function addRebuild(
  database: Database,
  { name, version }: Pick<Projection, 'name' | 'version'>,
  { job, automatic, dryRun, accepted }: Pick<Rebuild, 'job' | 'automatic' | 'dryRun' | 'accepted'>,
  { epoch, position, eventId, stream, revision }: Checkpoint,
): Promise<boolean> {
  const added = await database.query<unknown[]>(
    `insert into rebuilds (projection, job, version, epoch, phase, automatic, dry_run, accepted,
       through, through_event, through_stream, through_revision)
     values ($1, $2, $3, $4, 'reading', $5, $6, $7, $8, $9, $10, $11)
     on conflict (projection) do update set job = $2, version = $3, epoch = $4, phase = 'reading',
       automatic = $5, dry_run = $6, accepted = $7, through = $8, through_event = $9,
       through_stream = $10, through_revision = $11, events_total = null, compared = null,
       error = null, started_at = now(), phase_at = now()
     where rebuilds.phase in ('refused', 'compared', 'failed') or rebuilds.version < $3
       or rebuilds.epoch <> $4
     returning projection`,
    [
      ...[name, job, version, epoch, automatic, dryRun, accepted],
      ...[position, eventId, stream, revision],
    ],
  );
  return added.length === 1;
}

/** Moves a rebuild to its next phase. False when it was cancelled or replaced meanwhile. */
export async function enterPhase(
  database: Database,
  { projection, job }: Pick<Rebuild, 'projection' | 'job'>,
  phase: RebuildPhase,
  found: { readonly compared?: Comparison; readonly error?: string } = {},
): Promise<boolean> {
  const [, moved] = await database.query<[unknown, number]>(
    `update rebuilds set phase = $3, phase_at = now(), error = $4,
       compared = coalesce($5::json, compared)
     where projection = $1 and job = $2`,
    [
      ...[projection, job, phase, found.error ?? null],
      found.compared ? JSON.stringify(found.compared) : null,
    ],
  );
  return moved === 1;
}

/** The parts of a job; none before its tables are there and after all is read. */
export const readParts = (database: Database, job: string): Promise<RebuildPart[]> =>
  database.query<RebuildPart[]>(
    `select part, after_stream as after, until_stream as until, events::float8 as events, done
     from rebuild_parts where job = $1 order by part`,
    [job],
  );

/** How quickly a rebuild reads. */
export interface Pace {
  /** Events that were read. */
  readonly events: number;
  /** Null while nothing was read, and once all was. */
  readonly eventsPerSecond: number | null;
  readonly secondsLeft: number | null;
}

/** How quickly a rebuild reads, by what its parts have read so far. */
export function paceOf(
  { phase, startedAt, eventsTotal }: Rebuild,
  parts: readonly { readonly events: number }[],
): Pace {
  const events = parts.reduce((sum, part) => sum + part.events, 0);
  const seconds = (Date.now() - startedAt.getTime()) / 1_000;
  if (phase !== 'reading' || events === 0 || seconds <= 0) {
    return { events, eventsPerSecond: null, secondsLeft: null };
  }
  const pace = events / seconds;
  const left = eventsTotal === null ? null : Math.max(0, eventsTotal - events) / pace;
  return {
    events,
    eventsPerSecond: Math.round(pace),
    secondsLeft: left === null ? null : Math.ceil(left),
  };
}
