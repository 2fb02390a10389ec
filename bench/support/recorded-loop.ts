import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoopRecord } from './loop-recorder.ts';
import { loopTurns, type LoopTurns, type Stretch } from './loop-turns.ts';
import type { Program } from './program.ts';

/** The machine's monotonic clock, in microseconds: the same in every process. */
export const now = (): number => Number(process.hrtime.bigint() / 1_000n);

/** The event loop of a service that is started with this environment. */
export interface LoopRecording {
  readonly env: Readonly<Record<string, string>>;
  begin(service: Program): void;
  /** What the turns were within a stretch of time. */
  end(measured: Stretch): Promise<LoopTurns>;
}

/** Makes ready to record: see `loop-recorder.ts`. */
export async function recordLoop(): Promise<LoopRecording> {
  const folder = await mkdtemp(join(tmpdir(), 'playhead-loop-'));
  const file = join(folder, 'record.json');
  const recorder = new URL('./loop-recorder.js', import.meta.url).href;
  let pid = 0;
  return {
    env: { NODE_OPTIONS: `--import ${recorder}`, PLAYHEAD_BENCH_LOOP_RECORD: file },
    begin(service) {
      pid = service.pid;
      process.kill(pid, 'SIGUSR2');
    },
    async end(measured) {
      process.kill(pid, 'SIGUSR2');
      while (!existsSync(file)) await sleep(50);
      const record = JSON.parse(await readFile(file, 'utf8')) as LoopRecord;
      await rm(folder, { recursive: true, force: true });
      return loopTurns(record, measured);
    },
  };
}
