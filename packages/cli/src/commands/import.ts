import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { importLine, type ImportLine, type ImportResult } from '@playhead/contract';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { Failure } from '../failure.ts';
import { sendFile, type ServiceOptions } from '../service.ts';
import { print, serviceOf, sharedOptions } from '../shared-options.ts';

const EXAMPLES = `
What a file is, its content says. What is there already is not imported again, so a file that grew,
or an import that broke off, is imported once more. Playhead's own exports need a key with the scope
admin, for they keep the times and names of those who did it.

Examples:
  $ playhead import ~/.claude/projects --as from=laptop
  $ playhead import ~/.agentpipe/events/*.jsonl --dry-run
  $ playhead import session-3f0c….jsonl        # what playhead export --format jsonl wrote`;

/** Of the files in a folder these are imported; a file that is named is, whatever its name. */
const EXTENSIONS = /\.(?:jsonl|ndjson|json|log|traj)(?:\.gz)?$/;

const GZIP = /\.gz$/;

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly as?: string[];
}

interface Source {
  readonly path: string;
  readonly bytes: number;
}

/** `playhead import`: brings in sessions that took place elsewhere. */
export function addImport(program: Command): void {
  program
    .command('import')
    .description('bring in sessions from files of other programs, or from an export')
    .argument('<path...>', 'files, or folders with files in them')
    .option('--dry-run', 'say what the files hold and store nothing')
    .addOption(
      new Option('--as <label=value...>', 'a label for each session').argParser(collectLabel),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (paths: string[], options: ImportOptions, command: Command) => {
      const sources = (await Promise.all(paths.map(filesAt))).flat();
      if (sources.length === 0) throw new Failure('refused', 'no files to import there');
      let refused = 0;
      for (const source of sources) {
        const result = await importOne(command, source, options);
        if ('code' in result) {
          refused += 1;
          const { message, ...more } = result;
          if (sharedOptions(command).json)
            console.log(JSON.stringify({ path: source.path, ...result }));
          else console.error(`${source.path}: ${message}`);
          // The service is gone or takes no more: the next file would fare no better.
          if (more.retry) throw new Failure('refused', message, result);
        } else
          print(command, { path: source.path, ...result }, () =>
            summaryOf(source, result, options),
          );
      }
      if (refused > 0) {
        throw new Failure('refused', `${refused} of ${sources.length} files were not imported`);
      }
    });
}

function collectLabel(text: string, before: string[] = []): string[] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('must be LABEL=VALUE');
  return [...before, `${text.slice(0, at)}:${text.slice(at + 1)}`];
}

/** A file, or those in a folder and the folders in it, in the order of their names. */
async function filesAt(path: string): Promise<Source[]> {
  const found = await stat(path).catch((failure: Error) => {
    throw new Failure('refused', `cannot read ${path}: ${failure.message}`);
  });
  if (!found.isDirectory()) return [{ path, bytes: found.size }];
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const files = entries
    .filter((entry) => entry.isFile() && EXTENSIONS.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  return Promise.all(files.map(async (file) => ({ path: file, bytes: (await stat(file)).size })));
}

type Refused = Extract<ImportLine, { refusal: unknown }>['refusal'];

async function importOne(
  command: Command,
  { path, bytes }: Source,
  { dryRun, as = [] }: ImportOptions,
): Promise<ImportResult | Refused> {
  const service: ServiceOptions = serviceOf(command);
  const query = new URLSearchParams({ name: basename(path).replace(GZIP, '') });
  if (dryRun) query.set('dryRun', 'true');
  for (const label of as) query.append('as', label);
  const headers: Record<string, string> = { accept: 'application/x-ndjson' };
  if (GZIP.test(path)) headers['content-encoding'] = 'gzip';
  const progress = progressBar(path, bytes, !sharedOptions(command).json);
  const body = Readable.toWeb(
    createReadStream(path).on('data', ({ length }) => progress.sent(length)),
  );
  try {
    let last: ImportLine | undefined;
    for await (const line of sendFile(service, `/api/import?${query.toString()}`, body, headers)) {
      const read = importLine.safeParse(line);
      if (!read.success)
        throw new Failure('unreachable', `${service.url} does not answer like Playhead`);
      last = read.data;
      if ('progress' in last) progress.show(last.progress.entries);
    }
    if (last && 'result' in last) return last.result;
    if (last && 'refusal' in last) return last.refusal;
    throw new Failure('unreachable', 'the import was cut off: the same again goes on from there');
  } finally {
    progress.end();
  }
}

/** On a terminal a line that moves on; nothing elsewhere. */
function progressBar(path: string, bytes: number, isWanted: boolean) {
  const isShown = isWanted && process.stderr.isTTY;
  let sent = 0;
  return {
    sent: (length: number) => void (sent += length),
    show: (entries: number) => {
      const share = Math.min(100, Math.floor((100 * sent) / Math.max(1, bytes)));
      if (isShown)
        process.stderr.write(`\r\x1b[K${basename(path)}  ${share} %  ${entries} entries`);
    },
    end: () => void (isShown && process.stderr.write('\r\x1b[K')),
  };
}

function summaryOf({ path }: Source, result: ImportResult, { dryRun }: ImportOptions): string {
  const { format, entries, imported, alreadyThere, sessions, unreadable, faults } = result;
  const what = dryRun
    ? `${entries} entries of ${sessions} sessions`
    : `${imported} imported, ${alreadyThere} there already, ${sessions} sessions`;
  const lines = [`${path}: ${format}: ${what}`];
  for (const { line, reason } of faults) lines.push(`${path}:${line}: ${reason}`);
  if (unreadable > faults.length) lines.push(`${path}: and ${unreadable - faults.length} more`);
  return lines.join('\n');
}
