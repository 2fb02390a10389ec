import {
  parkedListed,
  parkedShown,
  sessionRefolded,
  type ParkedSessionShape,
  type ParkedShown,
  type SessionRefolded,
} from '@playhead/contract';
import { Argument, type Command } from 'commander';
import { formatEvent, onOneLine } from '../format-event.ts';
import { ask } from '../service.ts';
import { print, serviceOf } from '../shared-options.ts';
import { table } from '../table.ts';

const EXAMPLES = `
A projection that cannot fold an event parks its session: later events of it wait, all others go on.

Examples:
  $ playhead parked list
  $ playhead parked show messages 3f0c…      # the event, why it cannot be folded, what waits
  $ playhead parked retry messages 3f0c…     # after a fix: folds the session from its beginning
  $ playhead parked skip messages 3f0c… --why 'made by a bug in the importer'`;

/** `playhead parked`: what to do about sessions that a projection could not go on with. */
export function addParked(program: Command): void {
  const parked = program
    .command('parked')
    .description('sessions that a read model has parked because of one event')
    .addHelpText('after', EXAMPLES);
  parked
    .command('list')
    .description('show parked sessions, those that were parked first')
    .action(async (_options: object, command: Command) => {
      const listed = await ask(serviceOf(command), parkedListed, '/api/projections/parked');
      print(command, listed, () => listText(listed));
    });
  withSession(parked.command('show'))
    .description('show the event at which a session is parked')
    .action(async (name: string, sessionId: string, _options: object, command: Command) => {
      const shown = await ask(serviceOf(command), parkedShown, pathOf(name, sessionId));
      print(command, shown, () => shownText(shown));
    });
  withSession(parked.command('retry'))
    .description('fold a session again from its beginning, after the fold was mended')
    .action(async (name: string, sessionId: string, _options: object, command: Command) => {
      const path = pathOf(name, sessionId, '/retry');
      const done = await ask(serviceOf(command), sessionRefolded, path, {});
      print(command, done, () => refoldedText(done));
    });
  withSession(parked.command('skip'))
    .description('leave the event out of this projection, for good; it stays in the log')
    .requiredOption('--why <reason>', 'why that is right; it is recorded in the log')
    .action(async (name: string, sessionId: string, { why }: { why: string }, command: Command) => {
      const path = pathOf(name, sessionId, '/skip');
      const done = await ask(serviceOf(command), sessionRefolded, path, { why });
      print(command, done, () => refoldedText(done));
    });
}

/** What became of a session that was folded again, for people. */
export function refoldedText({ projection, sessionId, parked, written }: SessionRefolded): string {
  const done = `${projection} ${sessionId}: ${written} rows written`;
  if (!parked) return done;
  return `${done}; parked at revision ${parked.revision}: ${onOneLine(parked.error)}`;
}

const withSession = (command: Command): Command =>
  command
    .addArgument(new Argument('<projection>', 'name of the read model'))
    .addArgument(new Argument('<session>', 'id of the session'));

const pathOf = (name: string, sessionId: string, verb = ''): string =>
  `/api/projections/${encodeURIComponent(name)}/parked/${encodeURIComponent(sessionId)}${verb}`;

function listText({ parked, total }: { parked: ParkedSessionShape[]; total: number }): string {
  if (total === 0) return 'nothing is parked';
  const rows = parked.map(({ projection, sessionId, revision, at, error }) => [
    ...[projection, sessionId, String(revision), at, onOneLine(error)],
  ]);
  const list = table(['PROJECTION', 'SESSION', 'REVISION', 'SINCE', 'ERROR'], rows);
  return total > parked.length ? `${list}\n… of ${total}` : list;
}

function shownText({ event, error, waiting, at, eventId }: ParkedShown): string {
  const what = event ? formatEvent(event, true) : `event ${eventId} is not in the log`;
  return `${what}\n${onOneLine(error)}\nparked since ${at}, later events that wait: ${waiting}`;
}
