import ts from 'typescript';
import { all, breach, parse, typescript } from '../support/sources.ts';

/** What the pure core must not know, and where it gets it from instead. */
const outside: Readonly<Record<string, string>> = {
  console: 'return it, the edge logs',
  crypto: 'take the id as an argument',
  fetch: 'take the answer as an argument',
  globalThis: 'take it as an argument',
  performance: 'take the time as an argument',
  process: 'take the setting as an argument',
  queueMicrotask: 'leave order and time to the caller',
  setImmediate: 'leave order and time to the caller',
  setInterval: 'leave order and time to the caller',
  setTimeout: 'leave order and time to the caller',
};

/** `x` where it stands for the global, not for a property or a name that is being declared. */
const isReference = (node: ts.Identifier): boolean => {
  const { parent } = node;
  if (ts.isShorthandPropertyAssignment(parent)) return true;
  if (ts.isBindingElement(parent)) return parent.initializer === node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  return !('name' in parent && parent.name === node);
};

/** Uses of the clock, of chance and of the environment. */
function impurities(file: ts.SourceFile): string[] {
  const names = all(file, ts.isIdentifier)
    .filter((node) => Object.hasOwn(outside, node.text) && isReference(node))
    .map((node) => breach(node, `uses ${node.text}: ${outside[node.text]}`));
  const accesses = all(file, ts.isPropertyAccessExpression)
    .filter((node) => ['Date.now', 'Math.random'].includes(node.getText()))
    .map((node) => breach(node, `uses ${node.getText()}: take it as an argument`));
  const dates = [...all(file, ts.isNewExpression), ...all(file, ts.isCallExpression)]
    .filter((node) => node.expression.getText() === 'Date' && !node.arguments?.length)
    .map((node) => breach(node, 'asks for the time: take it as an argument'));
  return [...names, ...accesses, ...dates];
}

describe('the pure core', () => {
  const used = (text: string): string[] => impurities(parse('src/domain/x.ts', text));

  it('knows no clock, no chance and no environment', () => {
    const client = [
      ...['session/state', 'session/transition', 'console/state', 'console/transition'],
      ...['commands/state-machine', 'session-cache'],
    ].map((name) => `packages/client/src/${name}.ts`);
    const core = typescript('src/domain/', 'projections/', 'packages/contract/src/', ...client);
    expect(core.flatMap(impurities)).toEqual([]);
  });

  it('is caught using them in any way', () => {
    for (const text of [
      'const at = Date.now();',
      'const at = new Date().toISOString();',
      'const at = new Date;',
      'const at = Date();',
      'const dice = Math.random();',
      'const id = crypto.randomUUID();',
      'const all = { process };',
      'const port = process.env.PORT;',
      'const wait = setTimeout;',
      'const { now = performance } = options;',
      'console.log(event);',
      'globalThis.x = 1;',
    ]) {
      expect([text, used(text)]).toEqual([text, [expect.any(String)]]);
    }
  });

  it('may read a time it was given, and name its own things as it likes', () => {
    const text =
      'const at = new Date(given); const row = { process: 1 }; row.process; row.console();';
    expect(used(text)).toEqual([]);
  });
});
