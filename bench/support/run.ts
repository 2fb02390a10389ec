import type { Bench, BenchContext, Figure } from './bench.ts';
import { startBenchPostgres } from './database.ts';
import { benches } from '../index.ts';
import { quantile } from './quantile.ts';
import { measureStealTime } from './steal-time.ts';

const RUNS = 3;

/**
 * Runs the benches whose names begin with one of the given, all when none is given, and prints a
 * line `name<TAB>value<TAB>unit` for each figure, or that a bench was left out and why.
 * Throws when a name fits nothing.
 */
export async function runBenches(names: readonly string[]): Promise<void> {
  const chosen = benches.filter(
    ({ name }) => names.length === 0 || names.some((start) => name.startsWith(start)),
  );
  if (chosen.length === 0) {
    throw new Error(`no such bench; there are: ${benches.map(({ name }) => name).join(', ')}`);
  }
  const postgres = await startBenchPostgres();
  try {
    for (const bench of chosen) {
      if (bench.needs === undefined || process.env[bench.needs]) await runBench(bench, postgres);
      else console.log(`${bench.name}\tskipped\tneeds ${bench.needs}`);
    }
  } finally {
    await postgres.stop();
  }
}

async function runBench(bench: Bench, context: BenchContext): Promise<void> {
  const runs: Figure[][] = [];
  while (runs.length < RUNS) {
    const steal = measureStealTime();
    const figures = await bench.run(context);
    runs.push([...figures, ...steal()]);
  }
  for (const { name, unit } of runs[0] ?? []) {
    const values = runs.flat().filter((figure) => figure.name === name);
    const median = quantile(
      values.map(({ value }) => value),
      0.5,
    );
    console.log(`${bench.name}${name && `.${name}`}\t${Number(median.toPrecision(4))}\t${unit}`);
  }
}
