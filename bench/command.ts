import { randomUUID } from 'node:crypto';
import { limits } from '../src/config.ts';
import type { AskedCommand, CommandHandler } from '../src/commands/command-handler.ts';
import { openPostgresLog, PostgresSnapshots } from '../src/log/postgres/index.ts';
import { openCommands } from '../src/startup/open-parts.ts';
import type { Bench, Figure } from './support/bench.ts';
import { writeLong } from './support/long-session.ts';
import { quantile } from './support/quantile.ts';

const COMMANDS = 500;

/**
 * Commands one after another to a session of 100,000 events, beside a session of one event. `cold`
 * is the first one of a node with nothing in memory: without snapshots, then with them. `hot` is
 * the median of the following.
 */
export const command: Bench = {
  name: 'command',
  async run(context) {
    const database = await context.freshDatabase();
    const options = { ...limits, connectionString: database.url };
    const log = await openPostgresLog(options);
    const snapshots = new PostgresSnapshots(options);
    const openNode = (): CommandHandler => openCommands({ log, snapshots }, limits);
    await writeLong(log, 'long');
    await start(openNode(), 'short');
    const first = await timed(openNode(), 'long');
    const [short, long] = [await measure(openNode(), 'short'), await measure(openNode(), 'long')];
    await snapshots.close();
    await log.close();
    await database.drop();
    return [
      figure('cold.first', first),
      figure('cold', long.cold),
      figure('cold.short', short.cold),
      figure('hot', long.hot),
      figure('hot.short', short.hot),
    ];
  },
};

const figure = (name: string, value: number): Figure => ({ name, value, unit: 'ms' });

async function measure(commands: CommandHandler, sessionId: string) {
  const cold = await timed(commands, sessionId);
  const hot: number[] = [];
  while (hot.length < COMMANDS) hot.push(await timed(commands, sessionId));
  return { cold, hot: quantile(hot, 0.5) };
}

async function timed(commands: CommandHandler, sessionId: string): Promise<number> {
  const begin = performance.now();
  await ask(commands, sessionId, { type: 'session.rename', data: { name: 'again' } });
  return performance.now() - begin;
}

const start = (commands: CommandHandler, sessionId: string): Promise<unknown> =>
  ask(commands, sessionId, { type: 'session.start', data: {} });

const ask = (
  commands: CommandHandler,
  sessionId: string,
  command: AskedCommand,
): Promise<unknown> =>
  commands.handle({ id: randomUUID(), sessionId, actor: 'key:bench', bytes: 100, command });
