import { randomUUID } from 'node:crypto';
import { limits } from '../src/config.ts';
import type { CommandHandler } from '../src/commands/command-handler.ts';
import { openPostgresLog, PostgresSnapshots } from '../src/log/postgres/index.ts';
import { openCommands } from '../src/startup/open-parts.ts';
import type { Bench } from './support/bench.ts';

const WRITERS = 256;
const WARM_UP_MS = 1_000;
const MEASURE_MS = 3_000;

/**
 * Commands of 256 writers through the write path: all to one session, beside each to one of its
 * own. Every session has an order, so one hot session cannot use what batches over many give.
 */
export const appendSession: Bench = {
  name: 'append.session',
  async run(context) {
    const database = await context.freshDatabase();
    const options = { ...limits, connectionString: database.url };
    const log = await openPostgresLog(options);
    const snapshots = new PostgresSnapshots(options);
    const commands = openCommands({ log, snapshots }, limits);
    const many = await measure(commands, () => randomUUID());
    const one = randomUUID();
    const hot = await measure(commands, () => one);
    await commands.close();
    await snapshots.close();
    await log.close();
    await database.drop();
    return [
      { name: 'many', value: many, unit: 'commands/s' },
      { name: 'hot', value: hot, unit: 'commands/s' },
      { name: 'hot.of_many', value: hot / many, unit: 'ratio' },
    ];
  },
};

async function measure(commands: CommandHandler, session: () => string): Promise<number> {
  const from = performance.now() + WARM_UP_MS;
  const until = from + MEASURE_MS;
  let done = 0;
  const write = async (sessionId: string): Promise<void> => {
    while (performance.now() < until) {
      await post(commands, sessionId);
      const now = performance.now();
      if (now >= from && now <= until) done += 1;
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, () => write(session())));
  return (done * 1000) / MEASURE_MS;
}

const content = 'x'.repeat(100);

/** A report, as ingest makes it: taken whatever came before. */
function post(commands: CommandHandler, sessionId: string): Promise<unknown> {
  const messageId = randomUUID();
  return commands.handle({
    id: messageId,
    sessionId,
    actor: 'key:bench',
    bytes: 300,
    command: {
      type: 'report-message',
      source: 'cli-stream',
      message: { messageId, role: 'assistant', source: 'agent', content, participantId: 'a' },
      author: { participantId: 'a', kind: 'agent' },
    },
  });
}
