import { renameSync, writeFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector';

/*
 * Loaded into the service before its own code (`--import`), never in production: notes how long the
 * turns of its event loop take, and by samples of the stack what runs in them. SIGUSR2 begins, and
 * ends it with the file that the
 * environment names (`PLAYHEAD_BENCH_LOOP_RECORD`). `loop-turns.ts` reads that.
 */

/** What is written; times in microseconds of the machine's monotonic clock. */
export interface LoopRecord {
  /** When each turn began whose timers were run. */
  readonly ticks: readonly number[];
  readonly profile: Profiler.Profile;
}

const SAMPLE_US = 1_000;
const TICK_MS = 1;

const inspector = new Session();
let end: (() => void) | undefined;

process.on('SIGUSR2', () => {
  if (end) end();
  else end = begin();
});

function begin(): () => void {
  const ticks: number[] = [];
  inspector.connect();
  inspector.post('Profiler.enable');
  inspector.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  inspector.post('Profiler.start');
  const ticking = setInterval(() => {
    ticks.push(Number(process.hrtime.bigint() / 1_000n));
  }, TICK_MS);
  return () => {
    clearInterval(ticking);
    inspector.post('Profiler.stop', (fault, { profile }) => {
      if (fault) throw fault;
      const record: LoopRecord = { ticks, profile };
      const file = process.env['PLAYHEAD_BENCH_LOOP_RECORD'] ?? '';
      writeFileSync(`${file}.part`, JSON.stringify(record));
      renameSync(`${file}.part`, file);
      inspector.disconnect();
    });
  };
}
