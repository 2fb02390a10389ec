import { filesBelow, read } from '../support/sources.ts';

/** Words that were once used here for what engineers have other words for, and those words. */
const replaced: Readonly<Record<string, string>> = {
  told: 'sent, notified, reported, answered',
  untold: 'undocumented',
  anew: 'again',
  hear: 'receive, accept',
  hears: 'is notified of, receives',
  heard: 'received',
  asides: 'room broadcasts',
  hurry: 'poll now',
  surroundings: 'context, environment',
  contiguity: 'gap detection',
  mailbox: 'event queue',
  'set aside': 'parked',
  'built anew': 'rebuilt',
  stolen: 'steal time',
};

const PATTERN = new RegExp(`\\b(?:${Object.keys(replaced).join('|')})\\b`, 'gi');

/** Migrations never change; the list is here. */
const isChecked = (path: string): boolean =>
  /\.(?:ts|mjs|md)$/.test(path) &&
  !path.startsWith('migrations/') &&
  path !== 'test/tidy/words.spec.ts';

const strayWords = (path: string, text: string): string[] =>
  text.split('\n').flatMap((line, nth) =>
    [...line.matchAll(PATTERN)].map(([word]) => {
      const better = replaced[word.toLowerCase()];
      return `${path}:${nth + 1} says "${word}": ${better}`;
    }),
  );

it('sources and pages use the words that engineers of this field use', () => {
  const paths = filesBelow().filter(isChecked);
  expect(paths.length).toBeGreaterThan(300);
  expect(paths.flatMap((path) => strayWords(path, read(path)))).toEqual([]);
});

it('catches a word in any case, and not a part of one', () => {
  expect(strayWords('a.ts', 'x\nWho Heard of anewly overheard asides')).toEqual([
    'a.ts:2 says "Heard": received',
    'a.ts:2 says "asides": room broadcasts',
  ]);
});
