import { createInterface } from 'node:readline';
import { replaySpeedIn, type SessionEvent } from '@playhead/contract';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { formatEvent } from '../format-event.ts';
import { replaySession } from '../session-replay.ts';
import { sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
Examples:
  $ playhead replay 3f0c…                            # as fast as it happened; Ctrl-C ends it
  $ playhead replay 3f0c… --speed 10x --max-pause 2  # ten times as fast, no pause beyond 2 s
  $ playhead replay 3f0c… --from 100 --to 200 --step # an event each time Enter is pressed`;

interface ReplayArguments {
  readonly from: number;
  readonly to: number;
  readonly speed: number;
  readonly maxPause: number;
  readonly step?: boolean;
}

const revision = (text: string): number => {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a revision: 0, 1, 2, …');
};

const speed = (text: string): number => {
  const read = replaySpeedIn(text);
  if (read !== undefined) return read;
  throw new InvalidArgumentError('must be a number such as 10, 0.5 or 10x');
};

const seconds = (text: string): number => {
  if (/^\d{1,6}(\.\d{1,3})?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('must be a number of seconds');
};

/** `playhead replay`: prints a session at the pace at which it happened. */
export function addReplay(program: Command): void {
  program
    .command('replay')
    .description('print the events of a session at the pace at which they happened')
    .addArgument(new Argument('<session>', 'id of the session'))
    .addOption(
      new Option('--from <revision>', 'begin with this one').default(0).argParser(revision),
    )
    .addOption(
      new Option('--to <revision>', 'end with this one; without it with the last')
        .default(Infinity, 'the last')
        .argParser(revision),
    )
    .addOption(
      new Option('--speed <n>', 'how many times as fast, such as 10x')
        .default(1, '1x')
        .argParser(speed),
    )
    .addOption(
      new Option('--max-pause <seconds>', 'shorten longer pauses to this')
        .default(Infinity, 'as long as they were')
        .argParser(seconds),
    )
    .option('--step', 'wait for Enter before each event, whatever the pace')
    .addHelpText('after', EXAMPLES)
    .action(async (sessionId: string, options: ReplayArguments, command: Command) => {
      const { from, to, speed: times, maxPause, step } = options;
      if (from > to) command.error('error: --to must not lie before --from');
      const { url, key, json } = sharedOptions(command);
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      const show = (event: SessionEvent): void =>
        console.log(json ? JSON.stringify(event) : formatEvent(event, false));
      const keyboard = step ? lines(stop.signal) : undefined;
      const pace = { speed: times, pauseMaxMs: maxPause * 1_000 };
      const replay = { sessionId, from, to, ...pace, step: keyboard?.next, show };
      await replaySession({ url, key }, replay, stop.signal);
      keyboard?.close();
    });
}

/** Waits for lines of standard input; `next` is false at its end. */
function lines(stop: AbortSignal): { next: () => Promise<boolean>; close: () => void } {
  const input = createInterface({ input: process.stdin });
  const all = input[Symbol.asyncIterator]();
  stop.addEventListener('abort', () => input.close());
  return { next: async () => !(await all.next()).done, close: () => input.close() };
}
