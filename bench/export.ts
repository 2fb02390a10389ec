import pg from 'pg';
import { limits } from '../src/config.ts';
import { openPostgresLog } from '../src/log/postgres/index.ts';
import type { Bench } from './support/bench.ts';
import { LONG, writeLong } from './support/long-session.ts';
import { adminKey, startService } from './support/program.ts';

const sessionId = 'a long one';
const MB = 1024 * 1024;

/**
 * A session of 100,000 events as JSONL over HTTP: how fast, and by how much the service grows
 * meanwhile. Beside it what plain pg takes to read the same rows.
 */
export const exportJsonl: Bench = {
  name: 'export.jsonl',
  async run(context) {
    const database = await context.freshDatabase();
    const log = await openPostgresLog({ connectionString: database.url, ...limits });
    await writeLong(log, sessionId);
    await log.close();
    const service = await startService(database.url);
    await taken(service.url);
    const before = service.memory();
    let most = before;
    const watching = setInterval(() => (most = Math.max(most, service.memory())), 5);
    const begin = performance.now();
    const { bytes, lines } = await taken(service.url);
    const tookMs = performance.now() - begin;
    clearInterval(watching);
    if (lines !== LONG) throw new Error(`${lines} lines of ${LONG}`);
    await service.stop();
    const rawBegin = performance.now();
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query('select * from events order by position');
    await client.end();
    const rawMs = performance.now() - rawBegin;
    await database.drop();
    return [
      { name: '', value: (bytes / MB / tookMs) * 1000, unit: 'MB/s' },
      { name: 'raw', value: (bytes / MB / rawMs) * 1000, unit: 'MB/s' },
      { name: 'memory', value: (most - before) / MB, unit: 'MB' },
    ];
  },
};

async function taken(url: string): Promise<{ bytes: number; lines: number }> {
  const path = `/api/sessions/${encodeURIComponent(sessionId)}/export?format=jsonl`;
  const headers = { authorization: `Bearer ${adminKey}` };
  const { body } = await fetch(new URL(path, url), { headers });
  let [bytes, lines] = [0, 0];
  for await (const piece of body ?? []) {
    bytes += piece.length;
    for (let at = piece.indexOf(10); at >= 0; at = piece.indexOf(10, at + 1)) lines += 1;
  }
  return { bytes, lines };
}
