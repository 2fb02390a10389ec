import { posix } from 'node:path';
import ts from 'typescript';
import {
  all,
  breach,
  decorator,
  importsOf,
  listedIn,
  parse,
  typescript,
} from '../support/sources.ts';

/** The local names that a file imports, by the file they come from. */
const namesFrom = (file: ts.SourceFile): Map<string, string[]> =>
  new Map(importsOf(file).map(({ node, to }) => [to, all(node, ts.isImportSpecifier).map(nameOf)]));

const nameOf = ({ name }: { readonly name: ts.Node }): string => name.getText();

/** Files beside an `index.ts` of whose exports none is in its list. */
function unlisted(index: ts.SourceFile, paths: readonly string[]): string[] {
  const listed = listedIn(index);
  const names = namesFrom(index);
  return paths
    .filter((path) => posix.dirname(path) === posix.dirname(index.fileName))
    .filter((path) => path !== index.fileName)
    .filter((path) => !names.get(path)?.some((name) => listed.includes(name)))
    .map((path) => `${path} is not in the list of ${index.fileName}: add what it exports`);
}

/** Migrations whose number is taken, whose class bears another, or that the list has elsewhere. */
function misnumbered(index: ts.SourceFile, paths: readonly string[]): string[] {
  const numbers = paths.map((path) => /\/(\d{4})-[^/]*$/.exec(path)?.[1]);
  const listed = listedIn(index).map((name) => /\d{13}$/.exec(name)?.[0] ?? name);
  const ofClass = (path: string): string => namesFrom(index).get(path)?.[0] ?? '';
  return [
    ...paths
      .filter((_, nth) => numbers.indexOf(numbers[nth]) !== nth)
      .map((path) => `${path} has a number that is taken: take the next`),
    ...paths
      .filter((path, nth) => !ofClass(path).endsWith(`000000000${numbers[nth]}`))
      .map((path) => `${path}: its class must end in its number, in 13 digits`),
    ...listed
      .filter((number, nth) => number < (listed[nth - 1] ?? ''))
      .map((number) => `${index.fileName} lists ${number} late: order by number`),
  ];
}

/** Classes that Nest must be given and is not, and controllers that it is given as providers. */
function unwired(module: ts.SourceFile, files: readonly ts.SourceFile[]): string[] {
  const given = (list: string): string[] =>
    all(module, ts.isPropertyAssignment)
      .filter(({ name }) => name.getText() === list)
      .flatMap(listedIn);
  const missing = (list: string, ...decorators: string[]): string[] =>
    files
      .flatMap((file) => all(file, ts.isClassDeclaration))
      .filter((one) => decorator(one, ...decorators))
      .filter(({ name }) => !given(list).includes(name?.text ?? ''))
      .map((one) => breach(one, `${one.name?.text} is not in ${module.fileName}: add to ${list}`));
  return [
    ...missing('controllers', 'Controller'),
    ...missing('providers', 'WebSocketGateway', 'Catch', 'Injectable'),
  ];
}

describe('a hand-written list', () => {
  const paths = typescript().map(({ fileName }) => fileName);
  const below = (folder: string): string[] => paths.filter((path) => path.startsWith(folder));

  it.each(['projections/', 'migrations/', 'bench/'])('holds every file of %s', (folder) => {
    const files = below(folder);
    expect(files.length === 0 ? [] : unlisted(parse(`${folder}index.ts`), files)).toEqual([]);
  });

  it('holds the migrations by their numbers', () => {
    const files = below('migrations/').filter((path) => !path.endsWith('/index.ts'));
    expect(misnumbered(parse('migrations/index.ts'), files)).toEqual([]);
  });

  it('holds every class that is meant for Nest', () => {
    expect(unwired(parse('src/app.module.ts'), typescript('src/'))).toEqual([]);
  });

  it('is caught without one of its files', () => {
    const index = parse(
      'x/index.ts',
      "import { a } from './a.ts'; import { b } from './b.ts'; [a];",
    );
    expect(unlisted(index, ['x/index.ts', 'x/a.ts', 'x/b.ts', 'x/c.ts', 'y/d.ts'])).toEqual([
      'x/b.ts is not in the list of x/index.ts: add what it exports',
      'x/c.ts is not in the list of x/index.ts: add what it exports',
    ]);
  });

  it('is caught with a number twice, out of order or on the wrong class', () => {
    const index = parse(
      'm/index.ts',
      `import { A0000000000001 } from './0001-a.ts';
      import { B0000000000003 } from './0002-b.ts';
      import { C0000000000002 } from './0002-c.ts';
      [A0000000000001, B0000000000003, C0000000000002]`,
    );
    expect(misnumbered(index, ['m/0001-a.ts', 'm/0002-b.ts', 'm/0002-c.ts'])).toEqual([
      'm/0002-c.ts has a number that is taken: take the next',
      'm/0002-b.ts: its class must end in its number, in 13 digits',
      'm/index.ts lists 0000000000002 late: order by number',
    ]);
  });

  it('is caught without a class for Nest, or with it in the wrong place', () => {
    const module = parse('m.ts', 'm = { controllers: [A], providers: [B, { useClass: G }] };');
    const classes =
      "@Controller('a') class A {} @Controller('b') class B {} @Catch() class F {}" +
      '@Injectable() class G {}';
    expect(unwired(module, [parse('c.ts', classes)])).toEqual([
      'c.ts:1 B is not in m.ts: add to controllers',
      'c.ts:1 F is not in m.ts: add to providers',
    ]);
  });
});
