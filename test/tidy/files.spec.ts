import { posix } from 'node:path';
import { filesBelow, read } from '../support/sources.ts';

const linesMax = 300;
const columnsMax = 100;

interface File {
  readonly path: string;
  readonly text: string;
}

const linesOf = ({ text }: File): string[] => text.replace(/\n$/, '').split('\n');

const tooLong = (file: File): string[] =>
  linesOf(file).length > linesMax ? [`${file.path} is over ${linesMax} lines: split it`] : [];

/** Wide lines; a test's sentence stands on one, and prettier leaves it there. */
const tooWide = (file: File): string[] =>
  linesOf(file).flatMap((line, nth) =>
    [...line].length > columnsMax && !/^ *it\(/.test(line)
      ? [`${file.path}:${nth + 1} is over ${columnsMax} columns: break the line`]
      : [],
  );

type Words = readonly (readonly [RegExp, string])[];

/** What only one machine has, and what to write instead. */
const machinesOwn: Words = [
  [/(?<![\w.$}-])\/(work|root|home)\/\w*/, 'name no place of one machine'],
  [/https?:\/\/(npm|registry|nexus|artifactory)[.-][\w.-]*/, 'name no package registry'],
  [/"resolved": "https?:[^"]*/, 'lock with --omit-lockfile-registry-resolved'],
];

/** What silences a check or puts something off. */
const evasions: Words = [
  [/eslint\Wdisable\S*/, 'do what the rule asks for'],
  [/@ts\W(ignore|nocheck)/, 'make the types true'],
  [/\b(FIX|TO)(ME|DO)\b|\bX{3}\b/, 'do it now or let it be'],
];

const found = (words: Words, file: File): string[] =>
  linesOf(file).flatMap((line, nth) =>
    words.flatMap(([pattern, advice]) => {
      const word = pattern.exec(line)?.[0];
      return word === undefined ? [] : [`${file.path}:${nth + 1} ${word}: ${advice}`];
    }),
  );

const misnamed = ({ path }: File): string[] =>
  /manager|helper|util|dto\b/i.test(posix.basename(path))
    ? [`${path}: name it after what is in it, not manager, helper, util or dto`]
    : [];

describe('a file', () => {
  const isText = /\.(ts|tsx|mjs|js|json|md|yml|html|css|sql)$|(^|\/)[^.]+$|\/\.[^/.]+$/;
  const files = filesBelow()
    .filter((path) => isText.test(path))
    .map((path) => ({ path, text: read(path) }));
  const code = files.filter(({ path }) => /\.(ts|tsx|mjs)$/.test(path));

  it('is not too long', () => {
    expect(code.flatMap(tooLong)).toEqual([]);
  });

  it('is no wider than a screen', () => {
    expect(code.flatMap(tooWide)).toEqual([]);
  });

  it('is the same on every machine', () => {
    expect(files.flatMap((file) => found(machinesOwn, file))).toEqual([]);
  });

  it('silences no check and puts nothing off', () => {
    expect(code.flatMap((file) => found(evasions, file))).toEqual([]);
  });

  it('is named after what is in it', () => {
    expect(files.flatMap(misnamed)).toEqual([]);
  });

  it('is caught when it is too long or too wide', () => {
    const lines = (count: number): File => ({ path: 'x.ts', text: 'x\n'.repeat(count) });
    expect([tooLong(lines(300)), tooLong(lines(301))]).toEqual([
      [],
      ['x.ts is over 300 lines: split it'],
    ]);
    expect(tooWide({ path: 'x.ts', text: `${'😀'.repeat(100)}\n${'x'.repeat(101)}` })).toEqual([
      'x.ts:2 is over 100 columns: break the line',
    ]);
  });

  it('is caught with such words', () => {
    const caught = (words: Words, text: string) => found(words, { path: 'x.ts', text });
    const one = ['x.ts', 1].join(':');
    for (const [words, text] of [
      [machinesOwn, ['cd ', 'work', 'main'].join('/')],
      [machinesOwn, ['file:', '', '', 'home', 'someone'].join('/')],
      [machinesOwn, ['http:', '', 'registry.example.org', 'x'].join('/')],
      [machinesOwn, `"resolved": "${'http'}s://example.org/x.tgz"`],
      [evasions, `// eslint${'-'}disable-next-line`],
      [evasions, `// @ts${'-'}ignore`],
      [evasions, `// TO${'DO'} later`],
    ] as const) {
      expect([text, caught(words, text)]).toEqual([text, [expect.stringContaining(one)]]);
    }
    expect(caught(machinesOwn, 'https://example.org/work/ and ../home/x')).toEqual([]);
  });

  it('is caught with a name that says nothing', () => {
    for (const path of ['src/session-manager.ts', 'src/test-helpers.ts', 'src/utils.ts']) {
      expect(misnamed({ path, text: '' })).toHaveLength(1);
    }
    expect(misnamed({ path: 'src/helpers/keys.ts', text: '' })).toEqual([]);
  });
});
