import { setTimeout as sleep } from 'node:timers/promises';
import { workingPhases } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { START, type EventLog, type StreamReader } from '../../log/event-log.ts';
import { applyBatch } from '../apply-batch.ts';
import { checkpointAt, findCheckpoint, type Checkpoint } from '../checkpoints.ts';
import { copyName, copyOf } from '../copies.ts';
import { isUnreachable } from '../database-unreachable.ts';
import { sessionEventsOf } from '../event-source.ts';
import { GapDetector } from '../gap-detection.ts';
import { messageOf } from '../failures.ts';
import type { Projection } from '../projection.ts';
import { readModelOf } from '../read-model.ts';
import { RowTable } from '../row-table.ts';
import { addIndexes, createCopyTable, dropCopy } from './copy-tables.ts';
import { unaccepted } from './compare.ts';
import type { FillLimits } from './fill-part.ts';
import { enterPhase, readParts, readRebuilds, type Rebuild, type RebuildPart } from './jobs.ts';
import { countStaged, dropStaged, StagedEvents, stageEvents } from './staged-events.ts';
import { CannotSwap } from './cannot-swap.ts';
import type { SwapLimits } from './align-copies.ts';
import { installCopy, swapCopy, verifyCopy } from './swap.ts';

/** Bounds of a rebuild. */
export interface RebuildLimits extends FillLimits, SwapLimits {
  readonly projectionSessionsMax: number;
  readonly projectionIdleMsMax: number;
  readonly rebuildPartsPerWorker: number;
}

/** What a rebuild is run with. */
export interface RebuildContext {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  readonly limits: RebuildLimits;
  /** How many parts are filled at the same time. */
  readonly workers: number;
  /** Fills one part; in a thread of its own where there is more than one. */
  readonly fill: (
    job: string,
    projections: readonly string[],
    part: RebuildPart,
    through: string,
  ) => Promise<void>;
  readonly notice: (message: string, about: Readonly<Record<string, unknown>>) => void;
  readonly signal: AbortSignal;
}

/** All streams of sessions, in the order of bytes. */
const SESSIONS = { after: 'session-', until: 'session.' };

/**
 * Does the work of all rebuilds that are put down, in whatever phase each is. Every step can be
 * done again, so it may be killed at any time: whoever runs it next goes on. One process at a time.
 */
export async function runRebuilds(context: RebuildContext): Promise<void> {
  const { limits } = context;
  for (;;) {
    context.signal.throwIfAborted();
    const due = (await readRebuilds(context.dataSource)).filter(
      (rebuild) => workingPhases.includes(rebuild.phase) && isOfBuild(context, rebuild),
    );
    const [first] = due;
    if (!first) return;
    const reading = due.filter(({ job, phase }) => job === first.job && phase === 'reading');
    try {
      if (first.epoch !== context.log.epoch) throw new CannotSwap('the log is another one since');
      if (first.phase === 'reading') await readSessions(context, reading);
      else await goOn(context, first);
    } catch (failure) {
      if (context.signal.aborted || isPassing(failure)) throw failure;
      if (failure instanceof CannotSwap && failure.isPassing) {
        // The copy fell behind, for example: it catches up, then both are compared again.
        await enterPhase(context.dataSource, first, 'catching-up');
        await sleep(limits.swapDeadlineMs / 10);
        continue;
      }
      const failed = first.phase === 'reading' ? reading : [first];
      // Where one was cancelled its table is gone, which the others must not suffer from.
      if (await isSomeGone(context, failed)) continue;
      for (const rebuild of failed) await fail(context, rebuild, failure);
    }
  }
}

/** What a retry may cure is left to whoever runs it next. */
const isPassing = (failure: unknown): boolean => {
  const { code } = Object(failure) as { code?: unknown };
  // A transaction that gave way to another (SQLSTATE), or a log that did not answer.
  const isForAnother = typeof code === 'string' && (/^40...$/.test(code) || code === 'unavailable');
  return isForAnother || isUnreachable(failure);
};

async function isSomeGone(
  { dataSource }: RebuildContext,
  rebuilds: readonly Rebuild[],
): Promise<boolean> {
  const found = await readRebuilds(dataSource);
  return rebuilds.some(({ projection, job }) =>
    found.every((one) => one.projection !== projection || one.job !== job),
  );
}

async function fail(
  { dataSource, notice }: RebuildContext,
  rebuild: Rebuild,
  failure: unknown,
): Promise<void> {
  const error = messageOf(failure);
  notice('rebuild failed', { projection: rebuild.projection, error });
  await enterPhase(dataSource, rebuild, 'failed', { error });
}

/** Nodes of several versions may share a database: each does what its own build can. */
const isOfBuild = ({ projections }: RebuildContext, { projection, version }: Rebuild): boolean =>
  projections.some((one) => one.name === projection && one.version === version);

const projectionOf = ({ projections }: RebuildContext, { projection }: Rebuild): Projection => {
  const found = projections.find(({ name }) => name === projection);
  if (!found) throw new Error(`this build has no read model ${projection}`);
  return found;
};

/** Phase `reading`: all rebuilds of a job together, so that each event is read once. */
async function readSessions(context: RebuildContext, rebuilds: readonly Rebuild[]): Promise<void> {
  const { dataSource, log, limits, signal, workers } = context;
  const [first] = rebuilds;
  if (!first) return;
  const projections = rebuilds.map((rebuild) => projectionOf(context, rebuild));
  const names = projections.map(({ name }) => name);
  let parts = await readParts(dataSource, first.job);
  if (parts.length === 0) {
    const limit = limits.projectionBatchMax;
    if (!log.streams) await stageEvents(dataSource, log, { through: first.through, limit, signal });
    await prepare(context, first, projections);
    parts = await readParts(dataSource, first.job);
  }
  const due = parts.filter(({ done }) => !done);
  const worker = async (): Promise<void> => {
    for (let part = due.shift(); part; part = due.shift()) {
      signal.throwIfAborted();
      await context.fill(first.job, names, part, first.through);
    }
  };
  await Promise.all(Array.from({ length: workers }, worker));
  if (!log.streams) await dropStaged(dataSource);
  for (const rebuild of rebuilds) await enterPhase(dataSource, rebuild, 'indexing');
}

/** Makes the empty tables and puts down the parts, together or not at all. */
async function prepare(
  { dataSource, log, limits, workers }: RebuildContext,
  { job, through }: Rebuild,
  projections: readonly Projection[],
): Promise<void> {
  const parts = workers * limits.rebuildPartsPerWorker;
  const between = await streamsOf(dataSource, log).split(SESSIONS, parts);
  const bounds = [SESSIONS.after, ...between, SESSIONS.until];
  await dataSource.transaction('READ COMMITTED', async (manager) => {
    await manager.query('delete from rebuild_parts where job not in (select job from rebuilds)');
    for (const projection of projections) {
      const table = new RowTable(dataSource, projection);
      await dropCopy(manager, projection.name, 'rebuild', table);
      await createCopyTable(manager, table);
    }
    for (const [nth, after] of bounds.slice(0, -1).entries()) {
      await manager.query(
        `insert into rebuild_parts (job, part, after_stream, until_stream)
         values ($1, $2, $3, $4)`,
        [job, nth, after, bounds[nth + 1]],
      );
    }
    // Positions count events where streams can be read; on EventStoreDB they count bytes.
    const events = log.streams ? Number(through) : await countStaged(manager);
    await manager.query('update rebuilds set events_total = $2 where job = $1', [job, events]);
  });
}

/** Where whole streams can be read: the log, or what was staged of it. */
export const streamsOf = (dataSource: DataSource, { streams }: EventLog): StreamReader =>
  streams ?? new StagedEvents(dataSource);

/** The phases of one read model after its sessions have been read. */
async function goOn(context: RebuildContext, rebuild: Rebuild): Promise<void> {
  const { dataSource } = context;
  const projection = projectionOf(context, rebuild);
  const table = new RowTable(dataSource, projection);
  if (rebuild.phase === 'indexing') {
    await addIndexes(dataSource, table);
    const { rollup } = new RowTable(dataSource, copyOf(projection, 'rebuild'));
    if (rollup) await dataSource.transaction((manager) => rollup.sumUp(manager));
    await dataSource.transaction('READ COMMITTED', async (manager) => {
      if (!(await enterPhase(manager, rebuild, 'catching-up'))) return;
      await manager.query(
        `insert into checkpoints (name, version, epoch, position, event_id, stream, revision)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
        [
          ...[copyName(projection.name, 'rebuild'), rebuild.version, rebuild.epoch],
          ...[rebuild.through, rebuild.throughEvent, rebuild.throughStream],
          rebuild.throughRevision,
        ],
      );
    });
  } else if (rebuild.phase === 'catching-up') {
    await catchUp(context, projection);
    await enterPhase(dataSource, rebuild, 'comparing');
  } else {
    await prove(context, rebuild, projection, table);
  }
}

/** Applies what the copy lacks, up to about where the live one is. Nodes go on from there. */
async function catchUp(context: RebuildContext, projection: Projection): Promise<void> {
  const { dataSource, log, limits, signal } = context;
  const model = readModelOf(dataSource, copyOf(projection, 'rebuild'));
  const gaps = new GapDetector(log, limits);
  for (;;) {
    signal.throwIfAborted();
    const copy = await findCheckpoint(dataSource.manager, model.projection.name);
    const live = await findCheckpoint(dataSource.manager, projection.name);
    if (!copy || !live) throw new CannotSwap('the copy is gone');
    if (copy.position >= live.position) return;
    const page = await log.readAll({ after: copy.position, limit: limits.projectionBatchMax });
    const last = page.at(-1);
    if (!last) return;
    const from: Checkpoint = copy;
    const { events, misplaced } = await gaps.fillGaps(sessionEventsOf(page));
    const due = events.filter(({ id }) => !copy.skipped.includes(id));
    const batch = { events: due, misplaced, hasParked: true, from, to: checkpointAt(from, last) };
    // It was at the start: rows are taken with care there, which is as right and slower.
    if (copy.position === START && events.length === 0) return;
    await applyBatch(model, batch, limits.projectionIdleMsMax);
    gaps.applied(events);
  }
}

/** Phase `comparing`: refused unless the rows are the same, or differ as declared or accepted. */
async function prove(
  context: RebuildContext,
  rebuild: Rebuild,
  projection: Projection,
  table: RowTable,
): Promise<void> {
  const { dataSource, notice } = context;
  if ((await findCheckpoint(dataSource.manager, projection.name))?.position === START) {
    // Nothing was built yet, so there is nothing to compare with.
    const installed = await installCopy(context, projection);
    notice('read model was built', { projection: projection.name, ...installed });
    return;
  }
  const compared = await verifyCopy(context, projection, 'rebuild');
  const names = unaccepted(compared, rebuild.accepted);
  if (rebuild.dryRun) {
    await dataSource.transaction('READ COMMITTED', async (manager) => {
      await dropCopy(manager, projection.name, 'rebuild', table);
      await enterPhase(manager, rebuild, 'compared', { compared });
    });
  } else if (names.length > 0) {
    const error = `rows differ in ${names.join(', ')}`;
    notice('rebuild refused', { projection: projection.name, ...compared });
    await enterPhase(dataSource, rebuild, 'refused', { compared, error });
  } else {
    await enterPhase(dataSource, rebuild, 'ready', { compared });
    if (!rebuild.automatic) return;
    try {
      const swapped = await swapCopy(context, projection, 'rebuild');
      notice('read model was swapped', { projection: projection.name, ...swapped });
    } catch (failure) {
      if (!(failure instanceof CannotSwap)) throw failure;
      // It stays ready: the operator swaps once nothing stands in the way.
      notice('read model could not be swapped', {
        projection: projection.name,
        why: messageOf(failure),
      });
      await enterPhase(dataSource, rebuild, 'ready', { error: messageOf(failure) });
    }
  }
}
