import { setTimeout as sleep } from 'node:timers/promises';
import {
  readModelsListed,
  readModelStatus,
  rowComparison,
  swapped,
  workingPhases,
  type ReadModelStatus,
  type RowComparison,
} from '@playhead/contract';
import { Argument, type Command } from 'commander';
import { Failure } from '../failure.ts';
import { ask } from '../service.ts';
import { print, serviceOf, sharedOptions } from '../shared-options.ts';
import { table } from '../table.ts';
import { addDifferences } from './differences.ts';

const EXAMPLES = `
A rebuild fills tables of its own while people read the old ones. It ends with a comparison of both;
nothing is read from the new ones before \`swap\`.

Examples:
  $ playhead projections rebuild sessions messages
  $ playhead projections swap sessions
  $ playhead projections swap messages --accept cost_nano   # rows differ there, and that is meant
  $ playhead projections rollback sessions                  # the old rows were kept up
  $ playhead projections heal messages --session 3f0c…      # one session alone`;

const POLL_MS = 500;
/** Comparing many rows takes as long as reading them all. */
const LONG_MS = 30 * 60_000;

/** `playhead projections`: rebuilds read models, compares, swaps and rolls back. */
export function addProjections(program: Command): void {
  const projections = program
    .command('projections')
    .description('rebuild read models while people work')
    .addHelpText('after', EXAMPLES);
  addStatus(projections);
  addRebuild(projections);
  addVerify(projections);
  addSwap(projections);
  addEach(projections, 'cancel', 'end a rebuild and drop what it made');
  addEach(projections, 'drop-old', 'drop the rows before the last swap');
  addDifferences(projections);
}

function addStatus(projections: Command): void {
  projections
    .command('status')
    .description('show all read models, their versions and what is being rebuilt')
    .action(async (_options: object, command: Command) => {
      const listed = await list(command);
      print(command, listed, () => tableOf(listed.projections));
    });
}

interface RebuildOptions {
  readonly dryRun?: boolean;
  readonly accept?: string[];
  readonly wait: boolean;
}

function addRebuild(projections: Command): void {
  projections
    .command('rebuild')
    .description('make all rows again beside the old ones, and compare both')
    .argument('<name...>', 'read models; they are rebuilt in one reading of the log')
    .option('--dry-run', 'drop what was made once it is compared')
    .option('--accept <column...>', 'differences that are meant; also (missing) and (added)')
    .option('--no-wait', 'do not wait until it is done')
    .action(async (names: string[], options: RebuildOptions, command: Command) => {
      const { dryRun, accept } = options;
      const asked = { names, ...(dryRun ? { dryRun } : {}), ...(accept ? { accept } : {}) };
      await ask(serviceOf(command), readModelsListed, '/api/projections/rebuild', asked);
      if (!options.wait) return;
      const ended = await watched(command, names);
      print(command, { projections: ended }, () => ended.map(endOf).join('\n'));
      const bad = ended.filter(({ rebuild }) => isBad(rebuild?.phase));
      if (bad.length === 0) return;
      throw new Failure(
        'refused',
        bad.map(({ name, rebuild }) => `${name}: ${rebuild?.error}`).join('; '),
      );
    });
}

const isBad = (phase: string | undefined): boolean => phase === 'refused' || phase === 'failed';

/** The read models once none of them is worked at; meanwhile a line for each on the terminal. */
async function watched(command: Command, names: readonly string[]): Promise<ReadModelStatus[]> {
  const isShown = process.stderr.isTTY && !sharedOptions(command).json;
  for (let lines = 0; ;) {
    const { projections } = await list(command);
    const named = projections.filter(({ name }) => names.includes(name));
    const isDone = named.every(({ rebuild }) => !rebuild || !workingPhases.includes(rebuild.phase));
    if (isShown) {
      const up = lines > 0 ? `\x1b[${lines}A` : '';
      process.stderr.write(`${up}${named.map((one) => `\x1b[K${progressOf(one)}\n`).join('')}`);
      lines = named.length;
    }
    if (isDone) return named;
    await sleep(POLL_MS);
  }
}

const BAR = 24;

function progressOf({ name, rebuild }: ReadModelStatus): string {
  if (!rebuild) return name;
  const { phase, events, eventsTotal, eventsPerSecond, secondsLeft } = rebuild;
  if (phase !== 'reading' || !eventsTotal) return `${name}: ${phase}`;
  const filled = Math.min(BAR, Math.floor((events / eventsTotal) * BAR));
  const bar = '█'.repeat(filled).padEnd(BAR, '░');
  const pace = eventsPerSecond === null ? '' : ` ${eventsPerSecond.toLocaleString('en')} events/s`;
  return `${name}: ${bar}${pace}${secondsLeft === null ? '' : `, ${secondsLeft} s left`}`;
}

function endOf({ name, rebuild }: ReadModelStatus): string {
  if (!rebuild) return `${name}: swapped`;
  const { phase, compared, error } = rebuild;
  if (!compared) return `${name}: ${phase}${error ? `: ${error}` : ''}`;
  return `${name}: ${phase}\n${comparisonOf(compared)}`;
}

/** What was compared and what differs, for people. */
function comparisonOf(compared: RowComparison): string {
  const { rows, differing, differences, notCompared, tookMs } = compared;
  const counts = Object.entries(differing).map(([column, count]) => `${column} ${count}`);
  return [
    `  ${rows.old} old rows, ${rows.new} new rows, compared in ${tookMs} ms`,
    ...(notCompared.length > 0 ? [`  declared to change: ${notCompared.join(', ')}`] : []),
    counts.length === 0 ? '  all rows are equal' : `  rows that differ: ${counts.join(', ')}`,
    ...(differences.length === 0
      ? []
      : [
          table(
            ['  SESSION', 'KEY', 'COLUMN', 'OLD', 'NEW'],
            differences.map((one) => [
              ...[`  ${one.session}`, one.key ?? '-', one.column, one.old ?? '-', one.new ?? '-'],
            ]),
          ),
        ]),
  ].join('\n');
}

function addVerify(projections: Command): void {
  projections
    .command('verify')
    .description(
      'compare the rows that are read with the rebuilt ones, else with the previous ones',
    )
    .addArgument(nameOf())
    .action(async (name: string, _options: object, command: Command) => {
      const compared = await ask(
        serviceOf(command),
        rowComparison,
        pathOf(name, 'verify'),
        {},
        {},
        LONG_MS,
      );
      print(command, compared, () => comparisonOf(compared));
      const names = Object.keys(compared.differing);
      if (names.length > 0) throw new Failure('refused', `rows differ in ${names.join(', ')}`);
    });
}

function addSwap(projections: Command): void {
  projections
    .command('swap')
    .description('read the rebuilt rows from now on, if they are proven')
    .addArgument(nameOf())
    .option('--accept <column...>', 'differences that are meant; also (missing) and (added)')
    .action(async (name: string, { accept }: { accept?: string[] }, command: Command) =>
      exchange(command, name, 'swap', accept ? { accept } : {}),
    );
  projections
    .command('rollback')
    .description('read the rows from before the last swap again; they were kept up')
    .addArgument(nameOf())
    .action(async (name: string, _options: object, command: Command) =>
      exchange(command, name, 'rollback', {}),
    );
}

async function exchange(
  command: Command,
  name: string,
  verb: 'swap' | 'rollback',
  body: object,
): Promise<void> {
  const done = await ask(serviceOf(command), swapped, pathOf(name, verb), body);
  const { version, pauseMs } = done;
  const text = `${name}: version ${version} is read now; readers waited ${pauseMs.toFixed(1)} ms`;
  print(command, done, () => text);
}

function addEach(projections: Command, verb: 'cancel' | 'drop-old', description: string): void {
  projections
    .command(verb)
    .description(description)
    .addArgument(nameOf())
    .action(async (name: string, _options: object, command: Command) => {
      const status = await ask(serviceOf(command), readModelStatus, pathOf(name, verb), {});
      print(command, status, () => tableOf([status]));
    });
}

const nameOf = (): Argument => new Argument('<name>', 'a read model, as `status` shows it');

const list = (command: Command) => ask(serviceOf(command), readModelsListed, '/api/projections');

const pathOf = (name: string, verb: string): string =>
  `/api/projections/${encodeURIComponent(name)}/${verb}`;

const tableOf = (projections: readonly ReadModelStatus[]): string =>
  table(
    ['NAME', 'BUILD', 'READ', 'PARKED', 'PREVIOUS', 'REBUILD'],
    projections.map(({ name, version, served, previous, rebuild }) => [
      ...[name, String(version)],
      served ? `${served.version}${served.mixed ? ' mixed' : ''}` : '-',
      String(served?.parked ?? 0),
      previous ? `${previous.version}${previous.mixed ? ' mixed' : ''}` : '-',
      rebuild ? `${rebuild.phase}${rebuild.error ? `: ${rebuild.error}` : ''}` : '-',
    ]),
  );
