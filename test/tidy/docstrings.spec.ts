import ts from 'typescript';
import { all, breach, parse, typescript } from '../support/sources.ts';

const hasDocstring = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0;

const isFunction = ({ initializer }: ts.VariableDeclaration): boolean =>
  initializer !== undefined &&
  (ts.isArrowFunction(initializer) || ts.isFunctionExpression(initializer));

/** What a statement declares that must say what it is for: no plain constants, no re-exports. */
const namesIn = (statement: ts.Statement): string[] => {
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations
      .filter(isFunction)
      .map(({ name }) => name.getText());
  }
  return ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)
    ? [statement.name?.text ?? 'default']
    : [];
};

const isExported = (statement: ts.Statement): boolean =>
  ts.canHaveModifiers(statement) &&
  !!ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);

/** Exports without a docstring. A type that is read off a documented constant shares its words. */
function undocumented(file: ts.SourceFile): string[] {
  const documented = new Set(
    file.statements
      .filter(ts.isVariableStatement)
      .filter(hasDocstring)
      .flatMap(({ declarationList }) =>
        declarationList.declarations.map(({ name }) => name.getText()),
      ),
  );
  const isReadOff = (statement: ts.Statement): boolean =>
    ts.isTypeAliasDeclaration(statement) &&
    all(statement, ts.isTypeQueryNode).some(({ exprName }) => documented.has(exprName.getText()));
  return file.statements
    .filter((one) => isExported(one) && !hasDocstring(one) && !isReadOff(one))
    .flatMap((one) =>
      namesIn(one).map((name) => breach(one, `${name}: say what it is for in a docstring`)),
    );
}

describe('an export', () => {
  it('says what it is for', () => {
    const files = typescript('src/', 'packages/contract/', 'packages/client/', 'projections/');
    expect(files.flatMap(undocumented)).toEqual([]);
  });

  it('is caught without a docstring, whatever it is', () => {
    const text = `export const arrow = () => 1;
      // Not a docstring.
      export function plain() {}
      export class Thing {}
      export interface Shape {}
      export type Name = string;
      export type Bare = z.infer<typeof bare>;
      /** Says it. */
      export const schema = z.string();
      export type Schema = z.infer<typeof schema>;
      export const limit = 1, bare = 2;
      export * from './x.ts';
      const own = () => 1;
      /** Says it. */
      export async function documented() {}`;
    const found = undocumented(parse('x.ts', text)).map((one) => one.split(' ')[1]);
    expect(found).toEqual(['arrow:', 'plain:', 'Thing:', 'Shape:', 'Name:', 'Bare:']);
  });
});
