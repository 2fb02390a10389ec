import { randomUUID } from 'node:crypto';
import { workingPhases } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { START, type EventLog } from '../../log/event-log.ts';
import { WakeUpSignal } from '../../log/wake-up-signal.ts';
import { findCheckpoint, type CheckpointState } from '../checkpoints.ts';
import { copyName, type CopyKind } from '../copies.ts';
import type { Notice } from '../context.ts';
import { messageOf } from '../failures.ts';
import type { Projection } from '../projection.ts';
import { RowTable } from '../row-table.ts';
import type { Comparison } from './compare.ts';
import { dropCopy } from './copy-tables.ts';
import { FirstBuilds, type FirstBuildLimits } from './first-builds.ts';
import { addRebuild, paceOf, readParts, readRebuild, type Pace, type Rebuild } from './jobs.ts';
import { CannotSwap } from './cannot-swap.ts';
import type { SwapLimits } from './align-copies.ts';
import { demandProof, swapCopy, verifyCopy, type Swapped } from './swap.ts';

/** The process that does the work: see `runRebuilds`. */
export interface RebuildProcess {
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/** What the rebuilds of a node need. */
export interface RebuildsOptions {
  readonly dataSource: DataSource;
  readonly log: EventLog;
  readonly projections: readonly Projection[];
  readonly limits: SwapLimits &
    FirstBuildLimits & { readonly rebuildWatchMs: number; readonly previousCopyMs: number };
  readonly notice: Notice;
  readonly startProcess: () => RebuildProcess;
}

/** How a copy beside the one that is read is doing. */
export interface CopyStatus {
  readonly version: number;
  readonly position: string;
  /** Another version than its own has gone on with its rows. */
  readonly mixed: boolean;
  readonly parked: number;
  readonly retiredAt: Date | null;
}

/** A read model, with its copies and what is being done. */
export interface RebuildProgress {
  readonly name: string;
  /** The version that this build would make. */
  readonly version: number;
  readonly served: CopyStatus | undefined;
  readonly previous: CopyStatus | undefined;
  readonly rebuild: (Rebuild & Pace) | undefined;
}

/** Whoever does the work of rebuilds holds this advisory lock; any number that nobody else uses. */
export const REBUILD_LOCK = 7_529_344;

/**
 * The rebuilds of read models, as an operator sees them: asks for them, and sees to it that on some
 * node a process does the work. All nodes have the same view, since all of it is in the database.
 */
export class Rebuilds {
  readonly #stopping = new AbortController();
  readonly #asked = new WakeUpSignal();
  readonly #watching: Promise<void>;
  readonly #firstBuilds: FirstBuilds;
  #process: RebuildProcess | undefined;

  constructor(private readonly options: RebuildsOptions) {
    this.#firstBuilds = new FirstBuilds(options);
    this.#watching = this.#watch();
  }

  /** All read models, in their order. */
  async status(): Promise<RebuildProgress[]> {
    return Promise.all(this.options.projections.map((projection) => this.#statusOf(projection)));
  }

  /**
   * Begins to rebuild read models, all in one reading of the log. Throws `CannotSwap` when one is
   * being rebuilt already or has not been built.
   */
  async request(
    names: readonly string[],
    { dryRun = false, accepted = [] as readonly string[] } = {},
  ): Promise<void> {
    const projections = names.map((name) => this.#projection(name));
    await this.#add(projections, { dryRun, accepted, automatic: false });
    this.#asked.wake();
  }

  /**
   * Called when the rows that are read were made by another version. Newer rows than ours are for
   * the operator: a node of an older version may just be one that is not replaced yet.
   */
  async replaceOutdated(name: string, found: CheckpointState): Promise<boolean> {
    const projection = this.#projection(name);
    // Rows that are not there need not be kept.
    if (found.version === 0 || found.position === START) return false;
    if (found.version > projection.version) {
      const { notice } = this.options;
      notice('rows of a newer version are read', { projection: name, version: found.version });
      return true;
    }
    const previous = await this.#copyStatus(copyName(name, 'previous'));
    if (previous?.version === projection.version) {
      const { notice } = this.options;
      notice('rows were rolled back, and are left so', {
        projection: name,
        version: found.version,
      });
      return true;
    }
    const options = { dryRun: false, accepted: [], automatic: true };
    await this.#add([projection], options).catch((failure: unknown) => {
      if (!(failure instanceof CannotSwap)) throw failure;
    });
    return true;
  }

  /** Called for a read model without rows: see `FirstBuilds`. */
  isBeingFilled(name: string, found: CheckpointState): Promise<boolean> {
    return this.#firstBuilds.isComing(name, found);
  }

  /** Compares the rows that are read with those of the rebuild, else with the previous ones. */
  async verify(name: string): Promise<Comparison> {
    const projection = this.#projection(name);
    const rebuilt = await readRebuild(this.options.dataSource, name);
    const kind: CopyKind = rebuilt && !isWorking(rebuilt) ? 'rebuild' : 'previous';
    return verifyCopy(this.options, projection, kind);
  }

  /** Swaps in what was rebuilt, if it is proven; `accepted` names differences that are accepted. */
  async swap(name: string, accepted: readonly string[] = []): Promise<Swapped> {
    const projection = this.#projection(name);
    const rebuilt = await readRebuild(this.options.dataSource, name);
    if (rebuilt?.phase !== 'ready' && rebuilt?.phase !== 'refused') {
      throw new CannotSwap(
        rebuilt ? `${name} is ${rebuilt.phase}` : `no rebuild of ${name} is there`,
      );
    }
    if (rebuilt.compared) demandProof(rebuilt.compared, [...rebuilt.accepted, ...accepted]);
    return swapCopy(this.options, projection, 'rebuild');
  }

  /** Swaps the previous rows back in. They were kept up, so it is as quick as the swap. */
  async rollback(name: string): Promise<Swapped> {
    const projection = this.#projection(name);
    const previous = copyName(name, 'previous');
    if (!(await findCheckpoint(this.options.dataSource.manager, previous))) {
      throw new CannotSwap(`${name} has no previous rows`);
    }
    return swapCopy(this.options, projection, 'previous');
  }

  /** Ends a rebuild, whatever it is doing, and drops what it has made. */
  async cancel(name: string): Promise<void> {
    const projection = this.#projection(name);
    await this.options.dataSource.transaction('READ COMMITTED', async (manager) => {
      const [deleted] = await manager.query<[{ job: string }[], number]>(
        'delete from rebuilds where projection = $1 returning job',
        [name],
      );
      const [job] = deleted;
      if (!job) throw new CannotSwap(`no rebuild of ${name} is there`);
      if ((await findCheckpoint(manager, name))?.position === START) {
        throw new CannotSwap(`${name} has no rows yet: its first build cannot be cancelled`);
      }
      // Those that are rebuilt in the same reading go on; a worker that finds no part gives up.
      await manager.query(
        `delete from rebuild_parts where job = $1
           and not exists (select from rebuilds where job = $1)`,
        [job.job],
      );
      await dropCopy(manager, name, 'rebuild', new RowTable(this.options.dataSource, projection));
    });
  }

  /** Drops the previous rows: there is no rollback any more. */
  async dropPrevious(name: string): Promise<void> {
    const projection = this.#projection(name);
    const { dataSource } = this.options;
    await dataSource.transaction('READ COMMITTED', async (manager) => {
      if (!(await findCheckpoint(manager, copyName(name, 'previous'), 'for update'))) {
        throw new CannotSwap(`${name} has no previous rows`);
      }
      await dropCopy(manager, name, 'previous', new RowTable(dataSource, projection));
    });
  }

  /** Ends the process that works for this node; another node, or the next start, goes on. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await this.#process?.stop();
  }

  /** Throws `RangeError` for a name that no read model has. */
  #projection(name: string): Projection {
    const found = this.options.projections.find((one) => one.name === name);
    if (!found) throw new RangeError(`no read model is called ${name}`);
    return found;
  }

  async #add(
    projections: readonly Projection[],
    options: Pick<Rebuild, 'dryRun' | 'accepted' | 'automatic'>,
  ): Promise<void> {
    const { dataSource, log } = this.options;
    const job = randomUUID();
    await dataSource.transaction('READ COMMITTED', async (manager) => {
      const found: (CheckpointState | undefined)[] = [];
      for (const { name } of projections) found.push(await findCheckpoint(manager, name));
      const first = found.reduce((a, b) => (a && b && a.position <= b.position ? a : b));
      for (const projection of projections) {
        const { name } = projection;
        const isBuilt = first && first.epoch === log.epoch && found.every((one) => one?.version);
        if (!isBuilt) throw new CannotSwap(`${name} has not been built yet`);
        if (!(await addRebuild(manager, projection, { job, ...options }, first))) {
          throw new CannotSwap(`a rebuild of ${name} is there already: swap it in or cancel it`);
        }
      }
    });
  }

  async #statusOf({ name, version }: Projection): Promise<RebuildProgress> {
    const { manager } = this.options.dataSource;
    const [served, previous, rebuild] = await Promise.all([
      this.#copyStatus(name),
      this.#copyStatus(copyName(name, 'previous')),
      readRebuild(manager, name),
    ]);
    const parts = rebuild ? await readParts(manager, rebuild.job) : [];
    const pace = rebuild && paceOf(rebuild, parts);
    return { name, version, served, previous, rebuild: rebuild && pace && { ...rebuild, ...pace } };
  }

  async #copyStatus(name: string): Promise<CopyStatus | undefined> {
    const { manager } = this.options.dataSource;
    const found = await findCheckpoint(manager, name);
    if (!found) return undefined;
    const { version, position, mixed, parked, retiredAt } = found;
    return { version, position, mixed, parked, retiredAt };
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stopping;
    const { limits, notice } = this.options;
    for (let error = ''; !signal.aborted;) {
      try {
        await this.#lookAround();
        error = '';
      } catch (failure) {
        const message = messageOf(failure);
        if (message !== error) notice('rebuilds cannot be seen to', { error: message });
        error = message;
      }
      await this.#asked.wait(limits.rebuildWatchMs, signal);
    }
  }

  /** Starts a process when there is work and nobody does it; drops what is too old. */
  async #lookAround(): Promise<void> {
    const { dataSource, startProcess, limits, projections } = this.options;
    await this.#firstBuilds.request();
    const [due] = await dataSource.query<{ work: boolean; held: boolean | null; old: string[] }[]>(
      // Locks are looked at only when there is work: that view stops all lockers for a moment.
      `with due as (
         select exists (select from rebuilds where phase = any ($1) and (projection, version) in
           (select * from unnest($4::text[], $5::int[]))) as work
       )
       select work, case when work then exists (
           select from pg_locks where locktype = 'advisory' and classid = 0
             and objid = $2 and objsubid = 1 and database =
               (select oid from pg_database where datname = current_database())) end as held,
         array(select split_part(name, '@', 1) from checkpoints
           where retired_at < now() - make_interval(secs => $3)
             and split_part(name, '@', 1) = any ($4)) as old
       from due`,
      [
        ...[workingPhases, REBUILD_LOCK, limits.previousCopyMs / 1_000],
        ...[projections.map(({ name }) => name), projections.map(({ version }) => version)],
      ],
    );
    for (const name of due?.old ?? []) await this.dropPrevious(name);
    if (!due?.work || due.held || this.#process || this.#stopping.signal.aborted) return;
    const process = startProcess();
    this.#process = process;
    void process.ended.finally(() => (this.#process = undefined));
  }
}

const isWorking = ({ phase }: Rebuild): boolean => workingPhases.includes(phase);
