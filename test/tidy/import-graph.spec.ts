import type ts from 'typescript';
import { importsOf, parse, typescript } from '../support/sources.ts';

/** Each way round that imports lead from a file back to itself, once. */
function cycles(files: readonly ts.SourceFile[]): string[] {
  const graph = new Map(files.map((file) => [file.fileName, importsOf(file)]));
  const done = new Set<string>();
  const found: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) found.push([...trail.slice(start), path].join(' -> '));
    if (start >= 0 || done.has(path)) return;
    for (const { to } of graph.get(path) ?? []) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of graph.keys()) visit(path, []);
  return found.map((way) => `${way}: move what both need into a file of its own`);
}

/** Files that nobody imports and that nothing starts. */
function deadFiles(files: readonly ts.SourceFile[], entries: readonly string[]): string[] {
  const imported = new Set(files.flatMap((file) => importsOf(file).map(({ to }) => to)));
  return files
    .map(({ fileName }) => fileName)
    .filter((path) => !imported.has(path) && !entries.includes(path) && !/^(test|bench)/.test(path))
    .map((path) => `${path} is imported by nobody: remove it`);
}

describe('every file', () => {
  const files = typescript();

  it('leads by its imports nowhere back to itself', () => {
    expect(cycles(files)).toEqual([]);
  });

  it('is imported by another or starts something', () => {
    const client = ['client/src/index.ts', 'client/src/react/index.ts'];
    const packages = ['contract/src/index.ts', ...client, 'cli/src/main.ts'];
    const operated = ['main', 'is-ready', 'rebuild'].map((name) => `src/operate/${name}.ts`);
    const started = ['src/main.ts', ...operated];
    const entries = [...started, ...packages.map((path) => `packages/${path}`)];
    expect(deadFiles(files, entries)).toEqual([]);
  });

  it('is caught in a cycle, also when it imports types only', () => {
    const ring = [
      parse('src/a.ts', "import './b.ts'; import './d.ts';"),
      parse('src/b.ts', "import type { C } from './deep/c.ts';"),
      parse('src/deep/c.ts', "export * from '../b.ts'; export * from '../d.ts';"),
      parse('src/d.ts', ''),
    ];
    expect(cycles(ring)).toEqual([
      'src/b.ts -> src/deep/c.ts -> src/b.ts: move what both need into a file of its own',
    ]);
  });

  it('is caught when nobody imports it', () => {
    const ours = [parse('src/main.ts', "import './used.ts';"), parse('src/used.ts', '')];
    expect(deadFiles([...ours, parse('src/unused.ts', '')], ['src/main.ts'])).toEqual([
      'src/unused.ts is imported by nobody: remove it',
    ]);
  });
});
