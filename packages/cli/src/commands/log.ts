import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { Failure } from '../failure.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
A place is an esdb:// or postgres:// address, or the data folder of a service that is stopped.
What is there already is left as it is, so a copy that was broken off goes on when it is run again.

Examples:
  $ playhead log copy --from ./.playhead --to 'esdb://127.0.0.1:2113?tls=false'
  $ playhead log copy --from "$EVENTSTORE_URL" --to "$DATABASE_URL" --json`;

/** Works on the stores themselves, so it is part of the service. */
const operate = new URL('../../../../dist/src/operate/main.js', import.meta.url);

interface CopyOptions {
  readonly from: string;
  readonly to: string;
  readonly fromPrefix?: string;
  readonly toPrefix?: string;
}

/** `playhead log copy`: moves a whole log between Postgres and EventStoreDB. */
export function addLog(program: Command): void {
  program
    .command('log')
    .description('the log itself, without a service')
    .command('copy')
    .description('copy all events of one log into another, and compare the two')
    .requiredOption('--from <place>', 'the log that is read')
    .requiredOption('--to <place>', 'the log that is written; made when it is not there')
    .option('--from-prefix <prefix>', 'of its streams in EventStoreDB: EVENTSTORE_STREAM_PREFIX')
    .option('--to-prefix <prefix>', 'the same of the other')
    .addHelpText('after', EXAMPLES)
    .action(async (options: CopyOptions, command: Command) => {
      if (!existsSync(operate)) throw new Failure('refused', 'this needs a clone of Playhead');
      const { json } = sharedOptions(command);
      const { from, to, fromPrefix, toPrefix } = options;
      const args = ['log', 'copy', '--from', from, '--to', to];
      if (fromPrefix !== undefined) args.push('--from-prefix', fromPrefix);
      if (toPrefix !== undefined) args.push('--to-prefix', toPrefix);
      if (json) args.push('--json');
      const child = spawn(process.execPath, [fileURLToPath(operate), ...args], {
        stdio: 'inherit',
      });
      const [code] = (await once(child, 'exit')) as [number | null];
      process.exitCode = code ?? 1;
    });
}
