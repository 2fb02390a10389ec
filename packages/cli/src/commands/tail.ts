import type { SessionEvent } from '@playhead/contract';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { tailAll } from '../console-tail.ts';
import { formatEvent } from '../format-event.ts';
import { tailSession } from '../session-tail.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
Examples:
  $ playhead tail 3f0c…                      # all that happened so far
  $ playhead tail 3f0c… --follow             # and what happens from now on; Ctrl-C ends it
  $ playhead tail 3f0c… --after 41 --json    # a line of JSON for each event beyond revision 41
  $ playhead tail --all                      # what happens from now on, in all sessions`;

interface TailArguments {
  readonly after: number;
  readonly follow?: boolean;
  readonly all?: boolean;
}

const revision = (text: string): number => {
  if (/^(-1|\d{1,10})$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a revision: -1, 0, 1, …');
};

/** `playhead tail`: prints what happens in a session, or in all. */
export function addTail(program: Command): void {
  program
    .command('tail')
    .description('print the events of a session, each on a line, through cut connections')
    .addArgument(new Argument('[session]', 'id of the session; or else --all'))
    .addOption(
      new Option('--after <revision>', 'begin behind this one; -1: with the first')
        .default(-1)
        .argParser(revision),
    )
    .option('-f, --follow', 'wait for more at the end; --all always does')
    .addOption(new Option('--all', 'of all sessions, what happens from now on').conflicts('after'))
    .addHelpText('after', EXAMPLES)
    .action(async (sessionId: string | undefined, options: TailArguments, command: Command) => {
      const { after, follow = false, all = false } = options;
      if (all === (sessionId !== undefined)) {
        command.error('error: name either one session or --all');
      }
      const { url, key, json } = sharedOptions(command);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      const show = (event: SessionEvent): void =>
        console.log(json ? JSON.stringify(event) : formatEvent(event, all));
      await (sessionId === undefined
        ? tailAll({ url, key }, show, stop.signal)
        : tailSession({ url, key }, { sessionId, after, follow, show }, stop.signal));
    });
}
