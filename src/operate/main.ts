import { parseArgs } from 'node:util';
import { limits } from '../config.ts';
import { CleanupStack } from '../startup/cleanup-stack.ts';
import { copyAttachments, type CopiedAttachments } from './copy-attachments.ts';
import { CannotCopy, copyLog, type Copied, type CopyProgress } from './copy-log.ts';
import { openStore, type Store } from './open-store.ts';
import { progressLine } from './progress-bar.ts';

/* What `playhead log copy` runs: it needs the stores themselves, not a service. */

const USAGE =
  'usage: log copy --from <place> [--from-prefix <prefix>] --to <place> [--to-prefix <prefix>]';

const isTerminal = process.stderr.isTTY;

/** On a terminal one line that moves on, elsewhere a line for each step. */
function teller(isQuiet: boolean): (progress: CopyProgress) => void {
  let last = '';
  return (progress) => {
    if (isQuiet) return;
    if (isTerminal) process.stderr.write(`\r\x1b[K${progressLine(progress)}`);
    else if (progress.step !== last) process.stderr.write(`${progress.step} …\n`);
    last = progress.step;
  };
}

/** What is printed with `--json`. */
type AllCopied = Copied & CopiedAttachments;

async function copy(cleanup: CleanupStack): Promise<AllCopied> {
  const { values } = parseArgs({
    args: process.argv.slice(4),
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      'from-prefix': { type: 'string', default: '' },
      'to-prefix': { type: 'string', default: '' },
      json: { type: 'boolean', default: false },
    },
  });
  const { from, to, json, 'from-prefix': fromPrefix, 'to-prefix': toPrefix } = values;
  if (!from || !to) throw new CannotCopy(USAGE);
  if (from === to && fromPrefix === toPrefix) throw new CannotCopy('from and to are the same');
  const warn = (message: string): void => void (json || console.error(message));
  const source = await openStore(
    from,
    { streamPrefix: fromPrefix, isNewAllowed: false, warn },
    cleanup,
  );
  const target = await openStore(to, { streamPrefix: toPrefix, isNewAllowed: true, warn }, cleanup);
  const log = await copyLog(source.log, target.log, { ...limits, onProgress: teller(json) });
  const copied = { ...log, ...(await copyBeside(source, target)) };
  if (isTerminal && !json) process.stderr.write('\r\x1b[K');
  console.log(json ? JSON.stringify(copied) : summaryOf(copied));
  return copied;
}

/** Attachments lie beside a log only in Postgres. */
async function copyBeside(source: Store, target: Store): Promise<CopiedAttachments> {
  const from = await source.openAttachments();
  const to = from && (await target.openAttachments());
  return to ? copyAttachments(from, to) : { attachments: 0, copiedAttachments: 0 };
}

const summaryOf = ({ events, streams, digest, copied, isBehind, ...rest }: AllCopied): string =>
  [
    `copied ${copied} events; both logs hold the same ${events} events of ${streams} streams`,
    `digest ${digest}`,
    ...(rest.attachments > 0
      ? [`copied ${rest.copiedAttachments} of ${rest.attachments} attachments`]
      : []),
    ...(isBehind ? ['the first has grown since: copy again once nobody writes to it'] : []),
  ].join('\n');

const cleanup = new CleanupStack();
const letGo = (): Promise<void> => cleanup.run(() => undefined);
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void letGo().then(() => process.exit(130)));
}
try {
  if (process.argv.slice(2, 4).join(' ') !== 'log copy') throw new CannotCopy(USAGE);
  await copy(cleanup);
} catch (failure) {
  const { message, code } = failure as Error & { code?: string };
  console.error(`${isTerminal ? '\n' : ''}playhead: ${message || code}`);
  process.exitCode = 1;
} finally {
  await letGo();
}
process.exit();
