import ts from 'typescript';
import { all, breach, listedIn, parse, typescript } from '../support/sources.ts';

/** Events in two families, and families that the list of all events leaves out. */
function misplacedEvents(index: ts.SourceFile, files: readonly ts.SourceFile[]): string[] {
  const events = files
    .flatMap((file) => all(file, ts.isPropertyAssignment))
    .filter(({ initializer }) => initializer.getText().startsWith('versioned('));
  const names = events.map((event) => event.name.getText());
  const listed = listedIn(index);
  const family = (event: ts.Node): string | undefined =>
    ts.findAncestor(event, ts.isVariableDeclaration)?.name.getText();
  return [
    ...events
      .filter((event, nth) => names.indexOf(event.name.getText()) !== nth)
      .map((event) => breach(event, `${event.name.getText()} is in a family already: remove it`)),
    ...events
      .filter((event) => !listed.includes(family(event) ?? ''))
      .map((event) => breach(event, `${index.fileName} leaves out ${family(event)}: spread it`)),
  ];
}

/** Codes of the error table that nobody answers with. */
function unusedCodes(table: ts.SourceFile, files: readonly ts.SourceFile[]): string[] {
  const used = new Set(
    files.flatMap((file) => all(file, ts.isStringLiteral)).map(({ text }) => text),
  );
  return all(table, ts.isPropertyAssignment)
    .filter(({ initializer }) => ts.isObjectLiteralExpression(initializer))
    .filter(({ name }) => !used.has(name.getText().replaceAll("'", '')))
    .map((code) => breach(code, `nobody answers ${code.name.getText()}: remove it`));
}

describe('the contract', () => {
  it('holds every event in one family', () => {
    const events = 'packages/contract/src/events/';
    expect(misplacedEvents(parse(`${events}index.ts`), typescript(events))).toEqual([]);
  });

  it('holds only error codes that somebody answers', () => {
    expect(unusedCodes(parse('packages/contract/src/errors.ts'), typescript('src/'))).toEqual([]);
  });

  it('is caught with an event twice or a family left out', () => {
    const index = parse('e/index.ts', 'const all = { ...a };');
    const families = "const a = { 'x.y': versioned(1, z) }; const b = { 'x.y': versioned(1, z) };";
    expect(misplacedEvents(index, [parse('e/x.ts', families)])).toEqual([
      "e/x.ts:1 'x.y' is in a family already: remove it",
      'e/x.ts:1 e/index.ts leaves out b: spread it',
    ]);
  });

  it('is caught with an error code of no use', () => {
    const table = parse(
      'errors.ts',
      "const t = { 'a-b': { status: 1 }, c: { status: 2 } } as const;",
    );
    expect(unusedCodes(table, [parse('x.ts', "throw new Problem('a-b');")])).toEqual([
      'errors.ts:1 nobody answers c: remove it',
    ]);
  });
});
