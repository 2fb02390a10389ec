/** Chunks `from` to `to` (inclusive, from 0) of a message, their texts joined. */
export interface ChunkRun {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A message being written: the text without gaps so far, and runs ahead of their turn. */
export interface Assembly {
  readonly text: string;
  /** The chunk that `text` goes on with. */
  readonly next: number;
  /** Beyond a gap, in order, not overlapping. */
  readonly ahead: readonly ChunkRun[];
}

export const noChunks: Assembly = { text: '', next: 0, ahead: [] };

/** Whether a chunk has been taken already. */
export const hasChunk = (assembly: Assembly, index: number): boolean =>
  index < assembly.next || assembly.ahead.some(({ from, to }) => from <= index && index <= to);

/** With one more run: text grows in order, whatever came first; a run held already adds nothing. */
export function withRun(assembly: Assembly, run: ChunkRun): Assembly {
  if (hasChunk(assembly, run.from)) return assembly;
  if (run.from > assembly.next) {
    const index = assembly.ahead.findLastIndex(({ from }) => from < run.from) + 1;
    return { ...assembly, ahead: assembly.ahead.toSpliced(index, 0, run) };
  }
  let { text, next } = { text: assembly.text + run.text, next: run.to + 1 };
  let joined = 0;
  for (const { from, to, text: more } of assembly.ahead) {
    if (from > next) break;
    text += more;
    next = to + 1;
    joined += 1;
  }
  return { text, next, ahead: assembly.ahead.slice(joined) };
}
