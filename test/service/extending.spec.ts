import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { changesIn, copyOf, make, runIn } from '../support/recipes.ts';
import { read, root } from '../support/sources.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'playhead-extended-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the recipes for event types and a projection work as they are written', async () => {
  const changes = changesIn(read('docs/extending.md'));
  expect(changes.length).toBeGreaterThanOrEqual(23);
  copyOf(folder);
  for (const change of changes) make(change, folder);
  const tsc = 'node_modules/typescript/bin/tsc';
  await runIn(folder, {}, tsc, '-b', 'packages/contract', 'packages/client', 'packages/cli');
  await runIn(folder, {}, tsc, '--noEmit');
  const corpus = ['scripts/test.mjs', 'test/corpus'] as const;
  // As a developer does it; CI writes nothing.
  await runIn(folder, { PLAYHEAD_WRITE_CORPUS: '1', CI: '' }, ...corpus);
  const tests = ['test/service/bookmarks', 'test/tidy/entities', 'test/tidy/lists'];
  await runIn(folder, {}, ...corpus, ...tests);
}, 600_000);

it('a block that fits no line, or more than one, is caught', () => {
  const [change] = changesIn('```ts src/main.ts after `no such line`\nx\n```\n');
  expect(() => make(change!, root)).toThrow('src/main.ts: not once: no such line');
});
