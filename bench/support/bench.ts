import type { BenchDatabase } from './database.ts';

/** One number of a run; its name goes after the bench's own, which alone is the main figure. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** What a bench is given. */
export interface BenchContext {
  /** A migrated database that nothing else uses. */
  readonly freshDatabase: () => Promise<BenchDatabase>;
}

/** Measures something; run several times, of which the median of each figure counts. */
export interface Bench {
  readonly name: string;
  /** A variable of the environment without which it is left out. */
  readonly needs?: string;
  run(context: BenchContext): Promise<Figure[]>;
}
