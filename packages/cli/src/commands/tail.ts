import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { eventLine } from '../event-line.ts';
import { tailSession } from '../session-tail.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
Examples:
  $ playhead tail 3f0c…                      # all that happened so far
  $ playhead tail 3f0c… --follow             # and what happens from now on; Ctrl-C ends it
  $ playhead tail 3f0c… --after 41 --json    # a line of JSON for each event beyond revision 41`;

interface TailArguments {
  readonly after: number;
  readonly follow?: boolean;
}

const revision = (text: string): number => {
  if (/^(-1|\d{1,10})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a revision: -1, 0, 1, …');
};

/** `playhead tail`: prints what happens in a session. */
export function addTail(program: Command): void {
  program
    .command('tail')
    .description('print the events of a session, each on a line, through cut connections')
    .addArgument(new Argument('<session>', 'id of the session'))
    .addOption(
      new Option('--after <revision>', 'begin behind this one; -1: with the first')
        .default(-1)
        .argParser(revision),
    )
    .option('-f, --follow', 'wait for more at the end')
    .addHelpText('after', EXAMPLES)
    .action(async (sessionId: string, { after, follow }: TailArguments, command: Command) => {
      const { url, key, json } = sharedOptions(command);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      const options = {
        ...{ sessionId, after, follow: follow ?? false },
        show: (event: Parameters<typeof eventLine>[0]) =>
          console.log(json ? JSON.stringify(event) : eventLine(event)),
      };
      await tailSession({ url, key }, options, stop.signal);
    });
}
