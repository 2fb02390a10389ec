import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The project's root, ending in `/`. */
export const root = fileURLToPath(new URL('../../', import.meta.url));

const made = new Set(['node_modules', 'dist', 'coverage', '.git', '.playhead']);

/** Paths of everything below a folder (`''` is the root) that was written, not made, in order. */
export const filesBelow = (folder = ''): string[] =>
  readdirSync(root + folder, { withFileTypes: true })
    .filter(({ name }) => !made.has(name))
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name);
      return entry.isDirectory() ? filesBelow(path) : [path];
    })
    .sort();

/** What is in a file of the project. */
export const read = (path: string): string => readFileSync(root + path, 'utf8');

/** The syntax tree, whose nodes know their parents, of a file of the project or of another text. */
export const parse = (path: string, text = read(path)): ts.SourceFile =>
  ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);

/** All TypeScript of the project, or of the given folders. Throws for a folder that has none. */
export const typescript = (...folders: string[]): ts.SourceFile[] => {
  const paths = filesBelow().filter((path) => path.endsWith('.ts'));
  const empty = folders.find((folder) => !paths.some((path) => path.startsWith(folder)));
  if (empty !== undefined) throw new Error(`there is no TypeScript in ${empty}`);
  return paths
    .filter((path) => folders.length === 0 || folders.some((folder) => path.startsWith(folder)))
    .map((path) => parse(path));
};

/** A node and everything in it, JSDoc excepted. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  const inside: ts.Node[] = [];
  node.forEachChild((child) => void inside.push(child));
  for (const child of inside) yield* nodesOf(child);
}

/** All nodes of one kind in a node. */
export const all = <Kind extends ts.Node>(
  node: ts.Node,
  isKind: (node: ts.Node) => node is Kind,
): Kind[] => [...nodesOf(node)].filter(isKind);

/** What to tell about a breach: where it is, what it is and what to do instead. */
export const breach = (node: ts.Node, text: string): string => {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  return `${source.fileName}:${line + 1} ${text}`;
};

/** Of the decorator with one of the names: its call, or undefined where there is none. */
export const decorator = (node: ts.Node, ...names: string[]): ts.CallExpression | undefined =>
  (ts.canHaveDecorators(node) ? (ts.getDecorators(node) ?? []) : [])
    .map(({ expression }) => expression)
    .filter(ts.isCallExpression)
    .find(({ expression }) => names.includes(expression.getText()));

/** Something that a file imports. */
export interface Import {
  readonly node: ts.Node;
  /** A path from the root for our own files, else the package as written. */
  readonly to: string;
  readonly isType: boolean;
}

const isImportCall = (node: ts.Node): node is ts.CallExpression =>
  ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword;

/** Everything a file imports: declarations, re-exports, `import()` as call and as type. */
export function importsOf(file: ts.SourceFile): Import[] {
  const to = (name: ts.Node | undefined): string => {
    if (!name || !ts.isStringLiteralLike(name)) return 'import(…)';
    const isOwn = name.text.startsWith('.');
    return isOwn ? posix.join(posix.dirname(file.fileName), name.text) : name.text;
  };
  return [
    ...all(file, ts.isImportDeclaration).map((node) => ({
      node,
      to: to(node.moduleSpecifier),
      isType: node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword,
    })),
    ...all(file, ts.isExportDeclaration)
      .filter((node) => node.moduleSpecifier)
      .map((node) => ({ node, to: to(node.moduleSpecifier), isType: node.isTypeOnly })),
    ...all(file, isImportCall).map((node) => ({ node, to: to(node.arguments[0]), isType: false })),
    ...all(file, ts.isImportTypeNode).map((node) => ({
      node,
      to: to(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined),
      isType: true,
    })),
  ];
}

/** The names that stand in array literals, spreads and `useClass`, in order: what a list lists. */
export const listedIn = (node: ts.Node): string[] =>
  all(node, ts.isIdentifier)
    .filter(({ parent }) => {
      if (ts.isPropertyAssignment(parent)) return parent.name.getText() === 'useClass';
      return (
        ts.isArrayLiteralExpression(parent) ||
        ts.isSpreadElement(parent) ||
        ts.isSpreadAssignment(parent)
      );
    })
    .map(({ text }) => text);
