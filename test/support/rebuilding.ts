import type { DataSource } from 'typeorm';
import { limits } from '../../src/config.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import type { Projection } from '../../src/projecting/projection.ts';
import { fillPart } from '../../src/projecting/rebuild/fill-part.ts';
import {
  REBUILD_LOCK,
  Rebuilds,
  type RebuildsOptions,
  type RebuildProgress,
} from '../../src/projecting/rebuild/rebuilds.ts';
import { runRebuilds, streamsOf, type RebuildLimits } from '../../src/projecting/rebuild/run.ts';
import { eventually } from './eventually.ts';

/** What rebuilds are tried with. */
export interface RebuildingOptions {
  readonly projections: readonly Projection[];
  readonly limits?: Partial<RebuildsOptions['limits'] & RebuildLimits>;
  /** Called before each part is filled. */
  readonly beforePart?: () => void | Promise<void>;
}

/** The rebuilds of a node whose process is a promise in this one. */
export class TestRebuilds {
  readonly rebuilds: Rebuilds;
  readonly notices: { message: string; about: Readonly<Record<string, unknown>> }[] = [];

  constructor(
    private readonly dataSource: DataSource,
    private readonly log: EventLog,
    private readonly options: RebuildingOptions,
  ) {
    const notice = (message: string, about: Readonly<Record<string, unknown>>): void =>
      void this.notices.push({ message, about });
    this.rebuilds = new Rebuilds({
      ...{ dataSource, log, projections: options.projections, notice },
      limits: { ...limits, rebuildWatchMs: 20, ...options.limits },
      startProcess: () => {
        const stopping = new AbortController();
        const ended = this.#runAlone(stopping.signal).catch((failure: unknown) => {
          notice('process ended', { error: String(failure) });
        });
        return { ended, stop: () => (stopping.abort(), ended) };
      },
    });
  }

  /** As the process does it: of several nodes one does the work. */
  async #runAlone(signal: AbortSignal): Promise<void> {
    const holder = this.dataSource.createQueryRunner();
    const lock = (await holder.query('select pg_try_advisory_lock($1) as taken', [
      REBUILD_LOCK,
    ])) as { taken: boolean }[];
    try {
      if (lock[0]?.taken) await this.run(signal);
    } finally {
      if (lock[0]?.taken) await holder.query('select pg_advisory_unlock($1)', [REBUILD_LOCK]);
      await holder.release();
    }
  }

  /** Does the work until none is left. */
  run(signal: AbortSignal): Promise<void> {
    const { dataSource, log, options } = this;
    const bounds = { ...limits, ...options.limits };
    return runRebuilds({
      ...{ dataSource, log, projections: options.projections, limits: bounds, signal, workers: 2 },
      notice: (message, about) => void this.notices.push({ message, about }),
      fill: async (job, names, part, through) => {
        await options.beforePart?.();
        const projections = options.projections.filter(({ name }) => names.includes(name));
        const streams = streamsOf(dataSource, log);
        await fillPart({
          ...{ dataSource, log, streams, projections, job, part, through, limits: bounds },
          signal,
        });
      },
    });
  }

  /** The status of one read model, once it fits. */
  async until(name: string, fits: (status: RebuildProgress) => boolean): Promise<RebuildProgress> {
    let found: RebuildProgress | undefined;
    await eventually(async () => {
      found = (await this.rebuilds.status()).find((status) => status.name === name);
      if (found?.rebuild?.phase === 'failed') throw new Error(found.rebuild.error ?? 'failed');
      return found !== undefined && fits(found);
    });
    if (!found) throw new Error('no status');
    return found;
  }
}
