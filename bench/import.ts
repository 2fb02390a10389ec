import { randomUUID } from 'node:crypto';
import type { ImportResult } from '@playhead/contract';
import type { Bench } from './support/bench.ts';
import { adminKey, startBareServer, startService, type Program } from './support/program.ts';

const FILES = 1_000;
const ROWS = 40;
const AT_ONCE = 2;

/** A transcript with a question, an answer and a tool call in turn. */
function transcript(): string {
  const sessionId = randomUUID();
  const rows = Array.from({ length: ROWS }, (_, nth) => {
    const timestamp = new Date(1_760_000_000_000 + nth * 1_000).toISOString();
    const common = { sessionId, timestamp, uuid: randomUUID() };
    const text = 'Forty words or so, as people and agents say them. '.repeat(4);
    if (nth % 2 === 0) return { ...common, type: 'user', message: { role: 'user', content: text } };
    const content = [
      { type: 'text', text },
      { type: 'tool_use', id: randomUUID(), name: 'Bash', input: { command: 'ls' } },
    ];
    const usage = { input_tokens: 100, output_tokens: 50, cache_read_input_tokens: 1_000 };
    const message = { id: `m${nth}`, role: 'assistant', model: 'claude-x', content, usage };
    return { ...common, type: 'assistant', message };
  });
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
}

/**
 * Files of 40 rows each, imported over HTTP two at a time: what is stored of them a second, then
 * the same files once more, of which all is there already. Beside it a Fastify route that only
 * parses the same bytes.
 */
export const importFiles: Bench = {
  name: 'import',
  async run(context) {
    const database = await context.freshDatabase();
    const service = await startService(database.url);
    const files = Array.from({ length: FILES }, transcript);
    const path = '/api/import?name=bench.jsonl';
    const first = await sendAll(service, path, files);
    const again = await sendAll(service, path, files);
    await service.stop();
    await database.drop();
    if (again.imported > 0) throw new Error('what was there already was imported again');
    const bare = await startBareServer();
    const lists = files.map((file) => `[${file.trim().replaceAll('\n', ',')}]`);
    const parsed = await sendAll(bare, '/', lists);
    await bare.stop();
    return [
      { name: '', value: (first.imported * 1000) / first.tookMs, unit: 'entries/s' },
      { name: 'again', value: (first.imported * 1000) / again.tookMs, unit: 'entries/s' },
      { name: 'bare', value: (FILES * ROWS * 1000) / parsed.tookMs, unit: 'rows/s' },
    ];
  },
};

async function sendAll({ url }: Program, path: string, files: readonly string[]) {
  const begin = performance.now();
  let [next, imported] = [0, 0];
  const send = async (): Promise<void> => {
    while (next < files.length) {
      const body = files[next] ?? '';
      next += 1;
      const answer = await fetch(new URL(path, url), {
        method: 'POST',
        headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' },
        body,
      });
      const result = (await answer.json()) as Partial<ImportResult>;
      if (!answer.ok) throw new Error(JSON.stringify(result));
      imported += result.imported ?? 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, send));
  return { tookMs: performance.now() - begin, imported };
}
