import type { CopyProgress } from './copy-log.ts';

const WIDTH = 24;

const words: Readonly<Record<CopyProgress['step'], string>> = {
  counting: 'counting what there is to copy',
  looking: 'looking what is there already',
  copying: 'copying',
  comparing: 'comparing',
};

/** How far a copy is, in one line: with a bar where the end is known. */
export function progressLine({ step, events, of }: CopyProgress): string {
  const count = events.toLocaleString('en');
  if (of === undefined) return `${words[step]}: ${count} events`;
  const filled = of === 0 ? WIDTH : Math.min(WIDTH, Math.floor((events / of) * WIDTH));
  const bar = '█'.repeat(filled).padEnd(WIDTH, '░');
  return `${words[step]}: ${bar} ${count} of ${of.toLocaleString('en')} events`;
}
