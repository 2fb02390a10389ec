import { differencesListed, sessionRefolded, type RowDifferenceShape } from '@playhead/contract';
import { Argument, type Command } from 'commander';
import { onOneLine } from '../format-event.ts';
import { ask } from '../service.ts';
import { print, serviceOf } from '../shared-options.ts';
import { table } from '../table.ts';
import { refoldedText } from './parked.ts';

/** Adds what is done about rows that are not what the log says. */
export function addDifferences(projections: Command): void {
  projections
    .command('differences')
    .description('show the rows that were found to differ, and not healed since')
    .addArgument(new Argument('<projection>', 'name of the read model'))
    .action(async (name: string, _options: object, command: Command) => {
      const listed = await ask(serviceOf(command), differencesListed, pathOf(name, 'differences'));
      print(command, listed, () => listText(listed.differences));
    });
  projections
    .command('heal')
    .description('fold one session again and replace its rows where they differ')
    .addArgument(new Argument('<projection>', 'name of the read model'))
    .requiredOption('--session <id>', 'id of the session')
    .action(async (name: string, { session }: { session: string }, command: Command) => {
      const asked = { sessionId: session };
      const done = await ask(serviceOf(command), sessionRefolded, pathOf(name, 'heal'), asked);
      print(command, done, () => refoldedText(done));
    });
}

const pathOf = (name: string, what: string): string =>
  `/api/projections/${encodeURIComponent(name)}/${what}`;

function listText(differences: readonly RowDifferenceShape[]): string {
  if (differences.length === 0) return 'no difference is known';
  return table(
    ['SESSION', 'KEY', 'COLUMN', 'REVISION', 'EXPECTED', 'STORED'],
    differences.map(({ sessionId, kind, key, column, revision, expected, stored }) => [
      ...[sessionId, onOneLine(key), column || `(${kind} row)`, String(revision ?? '-')],
      ...[onOneLine(expected ?? '-'), onOneLine(stored ?? '-')],
    ]),
  );
}
