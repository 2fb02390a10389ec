import ts from 'typescript';
import { all, breach, nodesOf, parse, typescript } from '../support/sources.ts';

/** Tests that leave out others or themselves; `can ? it : it.skip` tells why and is fine. */
function partialTests(file: ts.SourceFile): string[] {
  const parts = all(file, ts.isPropertyAccessExpression)
    .filter(({ expression }) => /^(it|test|describe)$/.test(expression.getText()))
    .filter(({ name }) => /^(only|todo|skip)$/.test(name.text))
    .filter((node) => node.name.text !== 'skip' || isUsedAsIs(node));
  const short = all(file, ts.isCallExpression)
    .map(({ expression }) => expression)
    .filter((called) => /^[fx](it|test|describe)\b/.test(called.getText()));
  return [...parts, ...short].map((node) =>
    breach(node, `${node.getText()}: run every test; skip only where a condition says so`),
  );
}

/** `it.skip(…)` and `it.skip.each`, not `can ? it : it.skip`. */
const isUsedAsIs = (node: ts.Node): boolean =>
  (ts.isCallExpression(node.parent) || ts.isPropertyAccessExpression(node.parent)) &&
  node.parent.expression === node;

const looseTypes = (file: ts.SourceFile): string[] =>
  [...nodesOf(file)]
    .filter(({ kind }) => kind === ts.SyntaxKind.AnyKeyword)
    .map((node) => breach(node, 'any: say what it is, or unknown'));

const emptyNames = (file: ts.SourceFile): string[] =>
  [...nodesOf(file)]
    .filter(
      (node) =>
        ts.isClassLike(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node),
    )
    .filter(({ name }) => /(Manager|Helpers?|Utils?|Dto|DTO)$/.test(name?.text ?? ''))
    .map((node) => breach(node, `${node.name?.text}: name it after what it is or does`));

describe('code', () => {
  const files = typescript();

  it('runs all of its tests', () => {
    expect(files.flatMap(partialTests)).toEqual([]);
  });

  it('has a type for everything', () => {
    expect(files.flatMap(looseTypes)).toEqual([]);
  });

  it('calls nothing by a name that says nothing', () => {
    expect(files.flatMap(emptyNames)).toEqual([]);
  });

  it('is caught leaving out tests', () => {
    const text = `it.only('a', run);
      describe.only.each([1])('b', run);
      it.todo('c');
      it.skip('d', run);
      describe.skip('e', run);
      xit('f', run);
      fdescribe('g', run);
      (can ? it : it.skip)('h', run);
      const its = can ? describe : describe.skip;
      fit.size = only.todo;`;
    const found = partialTests(parse('test/x.spec.ts', text));
    expect(found.map((one) => one.split(':')[1]?.split(' ')[0]).sort()).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
      '7',
    ]);
  });

  it('is caught with any, wherever it stands', () => {
    const text =
      'const a: any = 1;\nconst b = c as any;\nlet d: Map<string, any[]>;\nconst any = d.any;';
    expect(looseTypes(parse('x.ts', text))).toEqual([
      'x.ts:1 any: say what it is, or unknown',
      'x.ts:2 any: say what it is, or unknown',
      'x.ts:3 any: say what it is, or unknown',
    ]);
  });

  it('is caught with a name that says nothing', () => {
    const text =
      'class A {}\nclass KeyManager {}\ninterface SessionDto {}\ntype B = EntityManager;';
    expect(emptyNames(parse('x.ts', text))).toEqual([
      'x.ts:2 KeyManager: name it after what it is or does',
      'x.ts:3 SessionDto: name it after what it is or does',
    ]);
  });
});
