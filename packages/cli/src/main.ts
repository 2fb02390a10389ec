import { Command, CommanderError } from 'commander';
import { addDoctor } from './commands/doctor.ts';
import { addExport } from './commands/export.ts';
import { addImport } from './commands/import.ts';
import { addKeys } from './commands/keys.ts';
import { addLog } from './commands/log.ts';
import { addParked } from './commands/parked.ts';
import { addProjections } from './commands/projections.ts';
import { addReplay } from './commands/replay.ts';
import { addSend } from './commands/send.ts';
import { addTail } from './commands/tail.ts';
import { exitCodes, Failure } from './failure.ts';
import { sharedOptions, withSharedOptions } from './shared-options.ts';

/** Each adds one command to the program: a file a command. */
const commands = [
  ...[addTail, addReplay, addSend, addExport, addImport, addKeys, addParked],
  ...[addProjections, addLog, addDoctor],
];

function createProgram(): Command {
  const program = withSharedOptions(new Command('playhead'))
    .description('Asks a running Playhead, from a terminal or a script.')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for what is possible)')
    .exitOverride()
    .addHelpText('after', '\nExit codes: 0 done, 1 refused, 2 wrong usage, 3 service unreachable.');
  for (const add of commands) add(program);
  return program;
}

/** Writes a failure to stderr, as a line or as JSON, and returns the exit code. */
function report(failure: unknown, asJson: boolean): number {
  // Commander has printed already what it did not understand.
  if (failure instanceof CommanderError) return failure.exitCode === 0 ? 0 : exitCodes.usage;
  if (!(failure instanceof Failure)) throw failure;
  const { message, details, exit } = failure;
  const text = asJson
    ? JSON.stringify({ code: exit, ...details, message })
    : `playhead: ${message}`;
  console.error(text);
  return exitCodes[exit];
}

// The reader has closed the pipe, as in `playhead tail … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
});

// An empty variable counts as unset, as it does for the service.
for (const name of ['PLAYHEAD_URL', 'PLAYHEAD_ADMIN_KEY']) {
  if (process.env[name] === '') delete process.env[name];
}
const program = createProgram();
try {
  await program.parseAsync();
} catch (failure) {
  process.exitCode = report(failure, sharedOptions(program).json ?? false);
}
