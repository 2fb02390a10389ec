import { createInterface } from 'node:readline';
import { availableParallelism, setPriority } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { projections } from '../../projections/index.ts';
import { limits } from '../config.ts';
import type { EventLog } from '../log/event-log.ts';
import { fillPart } from '../projecting/rebuild/fill-part.ts';
import type { RebuildPart } from '../projecting/rebuild/jobs.ts';
import { REBUILD_LOCK } from '../projecting/rebuild/rebuilds.ts';
import { entitiesOf } from '../projecting/projection.ts';
import { runRebuilds, streamsOf } from '../projecting/rebuild/run.ts';
import { CleanupStack } from '../startup/cleanup-stack.ts';
import { openDatabase } from '../startup/database.ts';
import type { RebuildPlace } from '../startup/rebuild-process.ts';
import { openStore } from './open-store.ts';

/*
 * The process that rebuilds read models, beside the service that started it: what it does costs the
 * service's event loop nothing. It ends when nothing is left to do, or when its standard input
 * ends, which is when the service is gone.
 */

/** What a worker thread is asked to do. */
interface Task {
  readonly job: string;
  readonly names: readonly string[];
  readonly part: RebuildPart;
  readonly through: string;
}

type Outcome = { readonly message: string; readonly code: unknown } | null;

async function open(
  place: RebuildPlace,
  cleanup: CleanupStack,
): Promise<{ database: DataSource; log: EventLog }> {
  const entities = entitiesOf(projections);
  const database = await openDatabase(place.databaseUrl, {
    ...{ entities, migrations: [], poolSize: isMainThread ? 4 : 2 },
  });
  cleanup.add(() => database.destroy());
  const { streamPrefix } = place;
  const { log } = await openStore(
    place.logUrl,
    { streamPrefix, isNewAllowed: false, warn: () => undefined },
    cleanup,
  );
  return { database, log };
}

const tell = (message: string, about: object): void =>
  void process.stdout.write(`${JSON.stringify({ message, about })}\n`);

async function main(place: RebuildPlace, cleanup: CleanupStack): Promise<void> {
  setPriority(10);
  createInterface({ input: process.stdin }).once('close', () => process.exit(0));
  const holder = new pg.Client({ connectionString: place.databaseUrl });
  // Without the lock somebody else would do the same work.
  holder.on('error', () => process.exit(1));
  await holder.connect();
  const { rows } = await holder.query<{ taken: boolean }>(
    'select pg_try_advisory_lock($1) as taken',
    [REBUILD_LOCK],
  );
  if (!rows[0]?.taken) return;
  const { database, log } = await open(place, cleanup);
  const workers = Math.min(availableParallelism(), limits.rebuildWorkersMax);
  const threads = new Threads(place);
  await runRebuilds({
    ...{ dataSource: database, log, projections, limits, workers },
    notice: tell,
    signal: new AbortController().signal,
    fill: (job, names, part, through) => threads.run({ job, names, part, through }),
  });
}

/** Threads that each fill one part at a time. */
class Threads {
  readonly #idle: Worker[] = [];

  constructor(private readonly place: RebuildPlace) {}

  async run(task: Task): Promise<void> {
    const worker =
      this.#idle.pop() ?? new Worker(fileURLToPath(import.meta.url), { workerData: this.place });
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.postMessage(task);
    });
    worker.removeAllListeners('error');
    this.#idle.push(worker);
    if (outcome) throw Object.assign(new Error(outcome.message), { code: outcome.code });
  }
}

async function work(place: RebuildPlace): Promise<void> {
  const { database, log } = await open(place, new CleanupStack());
  parentPort?.on('message', (task: Task) => {
    const { job, part, through } = task;
    void fillPart({
      ...{
        dataSource: database,
        log,
        streams: streamsOf(database, log),
        job,
        part,
        through,
        limits,
      },
      projections: projections.filter(({ name }) => task.names.includes(name)),
      signal: new AbortController().signal,
    }).then(
      () => parentPort?.postMessage(null),
      (failure: Error & { code?: unknown }) =>
        parentPort?.postMessage({ message: failure.message, code: failure.code }),
    );
  });
}

if (isMainThread) {
  const cleanup = new CleanupStack();
  try {
    await main(JSON.parse(process.env.PLAYHEAD_REBUILD ?? '{}') as RebuildPlace, cleanup);
  } catch (failure) {
    console.error(`rebuild: ${(failure as Error).message}`);
    process.exitCode = 1;
  }
  process.exit();
} else {
  await work(workerData as RebuildPlace);
}
