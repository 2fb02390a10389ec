import { createWriteStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { exportFormats, type ExportFormat } from '@playhead/contract';
import { Argument, Option, type Command } from 'commander';
import { Failure } from '../failure.ts';
import { download, type Download, type ServiceOptions } from '../service.ts';
import { print, serviceOf } from '../shared-options.ts';

const EXAMPLES = `
A session is exported as it is when its export begins. jsonl has its events as they were committed.

Examples:
  $ playhead export 3f0c… > tea.json
  $ playhead export 3f0c… --format markdown | less
  $ playhead export 3f0c… 77aa… --format jsonl --out ./sessions   # a file for each`;

interface ExportOptions {
  readonly format: ExportFormat;
  readonly out?: string;
}

/** `playhead export`: whole sessions as files, or one on the terminal. */
export function addExport(program: Command): void {
  program
    .command('export')
    .description('write whole sessions to files, or one to the terminal')
    .addArgument(new Argument('<session...>', 'ids of sessions; several only with --out'))
    .addOption(
      new Option('--format <format>', 'of the files').choices(exportFormats).default('json'),
    )
    .option('--out <folder>', 'write a file for each session there; it is made if need be')
    .addHelpText('after', EXAMPLES)
    .action(async (sessionIds: string[], { format, out }: ExportOptions, command: Command) => {
      const service = serviceOf(command);
      if (out === undefined) {
        const [sessionId = '', ...others] = sessionIds;
        if (others.length > 0) command.error('error: several sessions need --out <folder>');
        await toTerminal(await begun(service, sessionId, format));
        return;
      }
      await toFiles(service, sessionIds, format, out, command);
    });
}

const begun = (service: ServiceOptions, sessionId: string, format: ExportFormat) =>
  download(service, `/api/sessions/${encodeURIComponent(sessionId)}/export?format=${format}`);

const contentOf = ({ content }: Download): Readable =>
  Readable.fromWeb(content as Parameters<typeof Readable.fromWeb>[0]);

async function toTerminal(file: Download): Promise<void> {
  try {
    for await (const piece of contentOf(file) as AsyncIterable<Uint8Array>) {
      // The next piece is asked for when the reader of this one has taken it.
      await new Promise<void>((resolve, reject) =>
        process.stdout.write(piece, (failure) => (failure ? reject(failure) : resolve())),
      );
    }
  } catch (failure) {
    // Whoever reads it has enough, as in `playhead export … | head`.
    if ((failure as NodeJS.ErrnoException).code !== 'EPIPE') throw cutOff(failure);
  }
}

/** Goes on with the others when one session is refused. */
async function toFiles(
  service: ServiceOptions,
  sessionIds: readonly string[],
  format: ExportFormat,
  folder: string,
  command: Command,
): Promise<void> {
  const refused: string[] = [];
  for (const sessionId of sessionIds) {
    try {
      const path = await toFile(await begun(service, sessionId, format), folder);
      print(command, { sessionId, path }, () => path);
    } catch (failure) {
      if (!(failure instanceof Failure) || failure.exit !== 'refused') throw failure;
      if (sessionIds.length === 1) throw failure;
      refused.push(`${sessionId}: ${failure.message}`);
    }
  }
  if (refused.length > 0) throw new Failure('refused', refused.join('; '));
}

/** Writes a file and answers its path. Under its own name it is there once it is whole. */
async function toFile(file: Download, folder: string): Promise<string> {
  const path = join(folder, file.name);
  const part = `${path}.part`;
  try {
    await mkdir(folder, { recursive: true });
    await pipeline(contentOf(file), createWriteStream(part));
    await rename(part, path);
  } catch (failure) {
    const { syscall, message } = failure as NodeJS.ErrnoException;
    if (syscall === undefined) throw cutOff(failure);
    throw new Failure('refused', `cannot write ${path}: ${message}`);
  }
  return path;
}

/** The answer ended before its end. */
const cutOff = (failure: unknown): Failure =>
  new Failure('unreachable', `the export was cut off: ${(failure as Error).message}`);
