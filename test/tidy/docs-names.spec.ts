import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { nodesOf, parse, read, root } from '../support/sources.ts';

/** `src/file.ts` or `src/file.ts#name`, as the pages write what they speak of. */
const MENTION = /`((?:src|packages|projections|migrations|test|bench)\/[\w./-]+?)(?:#(\w+))?`/g;

/** Whether a file declares a function, method, class or constant of this name. */
const declares = (file: ts.SourceFile, name: string): boolean =>
  [...nodesOf(file)].some(
    (node) =>
      (ts.isFunctionDeclaration(node) ||
        ts.isMethodDeclaration(node) ||
        ts.isClassDeclaration(node) ||
        ts.isInterfaceDeclaration(node) ||
        ts.isVariableDeclaration(node)) &&
      node.name?.getText(file) === name,
  );

/** What a page names that is not there. */
const strayMentions = (page: string): string[] =>
  [...page.matchAll(MENTION)].flatMap(([, path = '', name]) => {
    if (!existsSync(join(root, path))) return [`there is no ${path}`];
    const isThere = name === undefined || declares(parse(path), name);
    return isThere ? [] : [`${path} has no ${name}`];
  });

const TERMS_MAX = 40;

/** What is wrong with the glossary: one line a term, in their order. */
function glossaryFaults(page: string): string[] {
  const lines = page.split('\n').filter((line) => line.startsWith('- '));
  const terms = lines.map((line) => /^- \*\*([^*]+)\*\*: \S.*\.$/.exec(line)?.[1]);
  const faults = lines.filter((_, nth) => terms[nth] === undefined);
  if (lines.length > TERMS_MAX) faults.push(`over ${TERMS_MAX} terms`);
  if (terms.join() !== [...terms].sort().join()) faults.push('not in order');
  return faults;
}

describe('the pages for developers', () => {
  it.each(['architecture', 'extending'])('name only what is there: %s', (page) => {
    // What the recipes of a page add is not there yet.
    const added = [...read(`docs/${page}.md`).matchAll(/^ *```ts (\S+)$/gm)].map(
      ([, path]) => path,
    );
    const stray = strayMentions(read(`docs/${page}.md`));
    expect(stray.filter((fault) => !added.some((path) => fault.endsWith(path ?? '')))).toEqual([]);
  });

  it('follow one event from the request to the screen', () => {
    const hops = [...read('docs/architecture.md').matchAll(MENTION)].filter(([, , name]) => name);
    expect(hops.length).toBeGreaterThan(12);
  });

  it('are caught naming others', () => {
    const page = '`src/nowhere.ts`, `src/main.ts#nothing`, `src/startup/service.ts#startService`';
    expect(strayMentions(page)).toEqual([
      'there is no src/nowhere.ts',
      'src/main.ts has no nothing',
    ]);
  });

  it('explain the terms in a glossary of bounded length', () => {
    expect(glossaryFaults(read('docs/glossary.md'))).toEqual([]);
    expect(glossaryFaults('- **b**: x.\n- **a**: y.\n- c')).toEqual(['- c', 'not in order']);
    expect(glossaryFaults('- **a**: x.\n'.repeat(41))).toEqual(['over 40 terms']);
  });
});

it('few files lie loose in src', () => {
  const loose = readdirSync(join(root, 'src')).filter((name) => name.endsWith('.ts'));
  expect(loose.length).toBeLessThanOrEqual(6);
});
