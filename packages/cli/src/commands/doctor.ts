import type { Command } from 'commander';
import { diagnose, type Check } from '../diagnosis.ts';
import { Failure } from '../failure.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
Examples:
  $ playhead doctor           # a line for each check, and what to do where one fails
  $ playhead doctor --json || mail -s 'Playhead' operator`;

/** `playhead doctor`: says whether a service is well and what to do when it is not. */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('check a service, the key for it and the clocks; ends with 1 when a check fails')
    .addHelpText('after', EXAMPLES)
    .action(async (_options: object, command: Command) => {
      const { url, key, json } = sharedOptions(command);
      const checks = await diagnose({ url, key });
      console.log(json ? JSON.stringify({ checks }) : checks.map(lineOf).join('\n'));
      const failed = checks.filter(({ ok }) => !ok).length;
      if (failed > 0) throw new Failure('refused', `${failed} of ${checks.length} checks failed`);
    });
}

const lineOf = ({ ok, name, found, advice }: Check): string =>
  [
    ok ? 'ok  ' : 'fail',
    name.padEnd(12),
    advice === undefined ? found : `${found}: ${advice}`,
  ].join('  ');
