import {
  keyCreated,
  keyRotated,
  keyShape,
  keysListed,
  scope,
  type KeyCreated,
  type KeyShape,
} from '@playhead/contract';
import { Argument, Option, type Command } from 'commander';
import { ask } from '../service.ts';
import { print, serviceOf, sharedOptions } from '../shared-options.ts';
import { table } from '../table.ts';

const EXAMPLES = `
Examples:
  $ export PLAYHEAD_ADMIN_KEY=ph_…
  $ playhead keys create --name dashboard --scope read
  $ AGENTPIPE_KEY=$(playhead keys create --name agents --scope ingest)
  $ playhead keys rotate 3f0c…     # a second key; then change it where it is used
  $ playhead keys revoke 3f0c…     # closes what the old one still has open`;

interface CreateOptions {
  readonly name: string;
  readonly scope: string[];
  readonly test?: boolean;
}

/** `playhead keys`: makes, lists, rotates and revokes keys. */
export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('hand out keys and take them back')
    .addHelpText('after', EXAMPLES);
  addCreate(keys);
  keys
    .command('list')
    .description('show all valid keys and the last revoked ones')
    .action(async (_options: object, command: Command) => {
      const listed = await ask(serviceOf(command), keysListed, '/api/keys');
      print(command, listed, () => tableOf(listed.keys));
    });
  keys
    .command('revoke')
    .description('end a key: it opens nothing more, and its sockets are closed')
    .addArgument(new Argument('<id>', 'its id, as `playhead keys list` shows it'))
    .action(async (id: string, _options: object, command: Command) => {
      const key = await ask(serviceOf(command), keyShape, pathOf(id, 'revoke'), {});
      print(command, key, () => `revoked ${key.id} (${key.name})`);
    });
  keys
    .command('rotate')
    .description('make a key like another, which stays valid until it is revoked')
    .addArgument(new Argument('<id>', 'id of the key to replace'))
    .action(async (id: string, _options: object, command: Command) => {
      const rotated = await ask(serviceOf(command), keyRotated, pathOf(id, 'rotate'), {});
      show(command, rotated, `The old key stays valid until: playhead keys revoke ${id}`);
    });
}

function addCreate(keys: Command): void {
  keys
    .command('create')
    .description('make a key; it is printed this once and cannot be had again')
    .requiredOption('--name <name>', 'what it is for, to know it by later')
    .addOption(
      new Option('--scope <scope...>', 'what it may do; repeat it for more')
        .choices(scope.options)
        .makeOptionMandatory(),
    )
    .option('--test', 'mark a key with the scope ingest alone as one for tests (ap_test_…)')
    .action(async ({ name, scope: scopes, test }: CreateOptions, command: Command) => {
      const asked = { name, scopes: [...new Set(scopes)], ...(test ? { test } : {}) };
      const created = await ask(serviceOf(command), keyCreated, '/api/keys', asked);
      show(command, created, 'It is shown only this once.');
    });
}

/** The key alone goes to stdout, for `KEY=$(playhead keys create …)`; people read the rest. */
function show(command: Command, created: KeyCreated, note: string): void {
  if (sharedOptions(command).json) {
    console.log(JSON.stringify(created));
    return;
  }
  console.error(`${created.id} (${created.name}): ${created.scopes.join(', ')}. ${note}`);
  console.log(created.key);
}

const pathOf = (id: string, verb: string): string => `/api/keys/${encodeURIComponent(id)}/${verb}`;

const tableOf = (keys: readonly KeyShape[]): string =>
  table(
    ['ID', 'NAME', 'SCOPES', 'BEGINS WITH', 'CREATED', 'REVOKED'],
    keys.map(({ id, name, scopes, prefix, createdAt, revokedAt }) => [
      ...[id, name, scopes.join(','), prefix, createdAt, revokedAt ?? '-'],
    ]),
  );
