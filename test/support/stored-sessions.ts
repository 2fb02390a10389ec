import { noTotals, type SessionView } from '@playhead/contract';
import type { Keyset } from '../../src/projecting/keyset-page.ts';

/** A time as views have it. */
export const second = (n: number): string =>
  `${new Date(n * 1000).toISOString().slice(0, 19)}.000000000Z`;

/** What a test does not look at. */
export const plainSession = {
  ...{ revision: 0, at: second(0), status: 'ACTIVE', activity: null, activityMessage: null },
  ...{ idle: false, declared: true, source: 'api', name: null, mode: null, prompt: null },
  ...{ model: null, provider: null, worker: null, maxTurns: null, labels: {}, owner: null },
  ...{ members: [], startedAt: second(0), lastActivityAt: second(0), endedAt: null },
  ...{ endedAs: null, errorAt: null, errorMessage: null, errorKind: null },
  ...{ counted: noTotals, reported: null, summary: null, extra: {} },
} satisfies Omit<SessionView, 'sessionId'>;

/** Reads page after page by cursor; `meanwhile` runs between them. */
export async function byCursor<Row>(
  page: (after: Keyset | undefined) => Promise<{ rows: Row[]; next: Keyset | undefined }>,
  meanwhile?: (nth: number) => Promise<unknown>,
): Promise<Row[]> {
  const found: Row[] = [];
  let after: Keyset | undefined;
  for (let nth = 0; ; nth += 1) {
    const { rows, next } = await page(after);
    found.push(...rows);
    if (!next) return found;
    // As it is on the wire.
    after = JSON.parse(JSON.stringify(next)) as Keyset;
    await meanwhile?.(nth);
  }
}
