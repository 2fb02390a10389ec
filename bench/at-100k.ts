import pg from 'pg';
import { sessionStream } from '@playhead/contract';
import { limits } from '../src/config.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import type { Bench, Figure } from './support/bench.ts';
import { latencies } from './support/filled-database.ts';
import { LONG, writeLong } from './support/long-session.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';

const sessionId = 'a long one';
const path = `/api/sessions/${encodeURIComponent(sessionId)}`;

const READS = 1_000;
/** The service is compiled while it runs. */
const WARM_UP_READS = 300;

/**
 * A session of 100,000 events as it was at random revisions, over HTTP: the session itself, and the
 * first page of its messages. `cold` is the first read of all, at the last revision: it folds the
 * session from its beginning and leaves the snapshots. Beside it: what plain pg takes for as many
 * events as lie between two snapshots, which is the most that a read must fetch.
 */
export const at100k: Bench = {
  name: 'at.100k',
  async run(context) {
    const database = await context.freshDatabase();
    const log = await openPostgresLog({ ...limits, connectionString: database.url });
    await writeLong(log, sessionId);
    await log.close();
    const service = await startService(database.url);
    const read = async (part: string, at: number, more = ''): Promise<void> => {
      const answer = await fetch(`${service.url}${path}${part}?at=${at}${more}`, {
        headers: { authorization: `Bearer ${adminKey}` },
      });
      const text = await answer.text();
      if (answer.status !== 200) throw new Error(`${answer.status} ${text}`);
    };
    const random = (): number => Math.floor(Math.random() * LONG);
    await isProjected(service.url);
    const [cold = NaN] = await latencies(1, () => read('', LONG - 1));
    const figures: Figure[] = [{ name: 'cold', value: cold, unit: 'ms' }];
    for (const [name, part] of [
      ['session', ''],
      ['messages', '/messages'],
      ['timeline', '/timeline'],
    ] as const) {
      await latencies(WARM_UP_READS, () => read(part, random()));
      const took = await latencies(READS, () => read(part, random()));
      figures.push(
        { name: `${name}.p50`, value: quantile(took, 0.5), unit: 'ms' },
        { name: `${name}.p99`, value: quantile(took, 0.99), unit: 'ms' },
      );
    }
    await service.stop();
    const raw = await rawReads(database.url, random);
    await database.drop();
    return [
      ...figures,
      { name: 'raw.p50', value: quantile(raw, 0.5), unit: 'ms' },
      { name: 'raw.p99', value: quantile(raw, 0.99), unit: 'ms' },
    ];
  },
};

/** Resolves once the read models have the whole session. */
async function isProjected(url: string): Promise<void> {
  const headers = { authorization: `Bearer ${adminKey}` };
  for (let status = 0; status !== 200;) {
    // Its last event ends a message: the read models take no chunks.
    ({ status } = await fetch(`${url}${path}?minRevision=${LONG - 1}`, { headers }));
  }
}

async function rawReads(url: string, random: () => number): Promise<number[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const took = await latencies(READS, () =>
    client.query({
      name: 'raw',
      text: 'select * from events where stream = $1 and revision > $2 order by revision limit $3',
      values: [sessionStream(sessionId), random(), limits.historySnapshotEvery],
    }),
  );
  await client.end();
  return took;
}
