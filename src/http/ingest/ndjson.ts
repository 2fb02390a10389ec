import { errorCodes } from '@playhead/contract';
import { Problem, problemOf } from '../problem.ts';
import { ingestFailure } from './ingest-failure.ts';
import type { IngestAnswer } from './ingest.ts';

/** Lines taken at once: enough to share appends, few enough to leave room for others. */
const LINES_AT_ONCE = 64;

/**
 * Takes a file of events, one a line, in order, and answers one line each:
 * `{ line, status, body }`, lines counted from 1. A line that is refused does not stop the others;
 * empty lines are passed over.
 */
export async function takeLines(
  file: string,
  linesMax: number,
  take: (line: string) => Promise<IngestAnswer>,
): Promise<string> {
  const lines = file
    .split('\n')
    .map((text, index) => ({ text, line: index + 1 }))
    .filter(({ text }) => text.trim() !== '');
  if (lines.length > linesMax) throw new Problem('too-large', `more than ${linesMax} lines`);
  const answers: string[] = [];
  for (let at = 0; at < lines.length; at += LINES_AT_ONCE) {
    const taken = lines.slice(at, at + LINES_AT_ONCE).map(async ({ text, line }) => {
      const { status, body } = await take(text).catch(refusedLine);
      return JSON.stringify({ line, status, body });
    });
    answers.push(...(await Promise.all(taken)));
  }
  return answers.map((answer) => `${answer}\n`).join('');
}

function refusedLine(failure: unknown): { status: number; body: Record<string, unknown> } {
  const problem = problemOf(failure);
  return { status: errorCodes[problem.code].status, body: ingestFailure(problem).body };
}
