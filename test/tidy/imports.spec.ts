import { posix } from 'node:path';
import type ts from 'typescript';
import { breach, importsOf, parse, typescript, type Import } from '../support/sources.ts';

const contract = '@playhead/contract';
const logPort = ['event-log', 'tail', 'pages', 'snapshots'].map((name) => `src/log/${name}.ts`);
const readModel = ['projection', 'columns', 'keyset-page'].map(
  (name) => `src/projecting/${name}.ts`,
);
const wiring = [
  ...['src/', 'projections/', 'migrations/', '@nestjs/'],
  ...['type pino', 'type typeorm', 'prom-client'],
];
const edge = [
  ...[contract, 'zod', '@nestjs/', 'src/tokens.ts', 'type src/config.ts'],
  ...['src/access/', 'src/live/', 'src/commands/', 'src/importing/'],
  'src/projecting/database-unreachable.ts',
  'type src/nodes/nodes.ts',
];

/**
 * Who may import what, beside its own folder. The longest name that fits a file counts. A name
 * ending in `/` or `:` fits all that begins with it, one ending in `/*` the files right in a
 * folder; `type x` allows only `import type`.
 */
const table: Readonly<Record<string, readonly string[]>> = {
  'packages/contract/': ['zod'],
  'packages/client/': [contract, 'socket.io-client'],
  'packages/client/src/react/': ['packages/client/', contract, 'react'],
  'packages/cli/': [contract, 'type zod', 'commander', 'socket.io-client', 'node:'],
  'src/domain/': [contract],
  'src/log/event-log.ts': [contract],
  'src/log/tail.ts': ['src/log/event-log.ts'],
  'src/log/pages.ts': ['src/log/event-log.ts'],
  'src/log/snapshots.ts': ['src/log/event-log.ts'],
  'src/log/*': [contract, 'node:'],
  'src/log/eventstoredb/': ['src/log/*', contract, '@eventstore/db-client', 'node:'],
  'src/log/memory/': ['src/log/*', contract, 'node:'],
  'src/postgres/': ['pg'],
  'src/log/postgres/': ['src/log/*', 'src/postgres/', contract, 'pg', 'node:'],
  'src/commands/': ['src/domain/', ...logPort, contract, 'lru-cache', 'uuid', 'node:'],
  'src/importing/': [
    ...[
      'src/commands/',
      'src/log/event-log.ts',
      'type src/attachments/',
      contract,
      'uuid',
      'node:',
    ],
  ],
  'src/importing/agentpipe/': ['src/importing/', 'type src/commands/', contract, 'zod'],
  'src/importing/formats/': ['src/importing/', 'type src/commands/', contract, 'zod'],
  'src/projecting/': [...logPort, 'src/log/wake-up-signal.ts', contract, 'typeorm', 'node:'],
  'src/projecting/rebuild/': ['src/projecting/', ...logPort, contract, 'typeorm', 'node:'],
  'src/projecting/rebuild/rebuilds.ts': [
    ...['src/projecting/', ...logPort, 'src/log/wake-up-signal.ts', contract, 'typeorm', 'node:'],
  ],
  'src/projecting/rebuild/copy-rows.ts': ['src/projecting/', 'pg-copy-streams', 'node:'],
  'projections/': [...readModel, contract, 'typeorm'],
  'projections/session-list/cached-counts.ts': ['projections/', 'lru-cache'],
  'projections/search/text-search.ts': ['projections/', contract, 'typeorm', 'lru-cache'],
  'src/nodes/': ['src/postgres/', contract, 'zod', 'type pg', 'node:'],
  'src/attachments/': [contract, 'type typeorm', 'node:'],
  'src/live/': [
    ...[
      ...logPort,
      'src/projecting/database-unreachable.ts',
      'type src/nodes/nodes.ts',
      contract,
      'lru-cache',
    ],
    'node:',
  ],
  'src/access/': [
    ...['src/commands/', ...logPort, contract, 'typeorm', 'jose', 'lru-cache', 'node:'],
    'rate-limiter-flexible',
  ],
  'src/http/': [
    ...[
      ...edge,
      ...logPort,
      'projections/',
      'src/projecting/keyset-page.ts',
      'type typeorm',
      'node:',
    ],
    ...[
      'type src/projecting/columns.ts',
      'type src/projecting/projector.ts',
      'src/projecting/rebuild/cannot-swap.ts',
      'type src/projecting/rebuild/rebuilds.ts',
      'type src/projecting/session-repairs.ts',
      'type src/projecting/difference-sampler.ts',
      'src/projecting/session-replay.ts',
      'src/projecting/parked-sessions.ts',
      'type src/embedded-postgres/',
      'src/attachments/attachment-store.ts',
      'fastify',
      '@fastify/multipart',
      'helmet',
      'cors',
      'type pino',
      'uuid',
    ],
    ...['prom-client', 'rate-limiter-flexible', 'reflect-metadata'],
  ],
  'src/gateway/': [
    ...[
      ...edge,
      'src/http/problem.ts',
      'src/http/cors.ts',
      '@fastify/proxy-addr',
      'socket.io',
      'rate-limiter-flexible',
      'node:',
    ],
  ],
  'src/embedded-postgres/': ['node:'],
  'src/embedded-postgres/start.ts': ['src/embedded-postgres/', 'pg', 'node:'],
  'src/embedded-postgres/binaries.ts': ['src/embedded-postgres/', 'node:', 'import(…)'],
  'src/operate/': ['src/log/event-log.ts', 'src/attachments/attachment-store.ts', 'node:'],
  'src/operate/main.ts': ['src/operate/', 'src/config.ts', 'src/startup/cleanup-stack.ts', 'node:'],
  'src/operate/rebuild.ts': [
    ...['src/operate/', 'src/projecting/', 'projections/', 'src/startup/', 'src/config.ts'],
    ...['type src/log/event-log.ts', 'pg', 'type typeorm', 'node:'],
  ],
  'src/operate/open-store.ts': [
    ...[
      'src/log/',
      'src/attachments/',
      'src/embedded-postgres/',
      'src/startup/database.ts',
      'src/config.ts',
      'migrations/',
    ],
    ...['type src/startup/cleanup-stack.ts', 'node:'],
  ],
  'src/config.ts': ['src/limits.ts', 'zod', 'node:'],
  'src/limits.ts': ['src/limits/'],
  'src/limits/': [],
  'src/tokens.ts': [],
  'src/session-list.ts': ['projections/', 'src/live/', contract, 'typeorm'],
  'src/app.module.ts': wiring,
  'src/startup/': [...wiring, 'type fastify', 'typeorm', 'pg', 'node:'],
  'src/main.ts': ['src/', 'pino'],
  'migrations/': ['typeorm'],
};

const fits = (name: string, pattern: string): boolean => {
  if (pattern.endsWith('/*')) return posix.dirname(name) === posix.dirname(pattern);
  return /[/:]$/.test(pattern) ? name.startsWith(pattern) : name === pattern;
};

const allows = (pattern: string, { to, isType }: Import): boolean =>
  pattern.startsWith('type ') ? isType && fits(to, pattern.slice(5)) : fits(to, pattern);

/** Imports that the table does not allow, and files that it does not know. */
function strayImports(files: readonly ts.SourceFile[]): string[] {
  return files.flatMap((file) => {
    const [row] = Object.keys(table)
      .filter((name) => fits(file.fileName, name))
      .sort((a, b) => b.length - a.length);
    if (row === undefined) return breach(file, 'has no row in the import table: add it there');
    const may = [row, ...(table[row] ?? [])];
    return importsOf(file)
      .filter((one) => !may.some((pattern) => allows(pattern, one)))
      .map(({ node, to }) =>
        breach(node, `must not import ${to}: ${row} may import ${may.slice(1).join(', ')}`),
      );
  });
}

/** Rows that no file needs any more. */
const staleRows = (files: readonly ts.SourceFile[]): string[] =>
  Object.keys(table)
    .filter((row) => !files.some(({ fileName }) => fits(fileName, row)))
    .map((row) => `${row} fits no file: remove its row from the import table`);

describe('imports', () => {
  const tabled = typescript('src/', 'projections/', 'migrations/', 'packages/');

  it('stay within the table', () => {
    expect([...strayImports(tabled), ...staleRows(tabled)]).toEqual([]);
  });

  it('are caught outside of the table, in every form of import', () => {
    const forms = [
      "import pg from 'pg';",
      "import type { Pool } from 'pg';",
      "export { Pool } from 'pg';",
      "export * from '../log/tail.ts';",
      "const pg = await import('pg');",
      'const pg = await import(name);',
      "type Pool = import('pg').Pool;",
      "import 'node:fs';",
    ];
    const files = forms.map((text) => parse('src/domain/x.ts', text));
    expect(strayImports(files)).toHaveLength(forms.length);
    expect(strayImports([parse('src/log/event-log.ts', "\nexport * from './tail.ts';")])).toEqual([
      'src/log/event-log.ts:2 must not import src/log/tail.ts: ' +
        'src/log/event-log.ts may import @playhead/contract',
    ]);
    expect(strayImports([parse('src/log/codec.ts', "import './memory/index.ts';")])).toHaveLength(
      1,
    );
    expect(strayImports([parse('src/elsewhere/x.ts', '')])).toHaveLength(1);
    expect(staleRows([])).toHaveLength(Object.keys(table).length);
  });

  it('of types alone may be allowed where values are not', () => {
    const health = 'src/http/health.ts';
    expect(strayImports([parse(health, "import type { Config } from '../config.ts';")])).toEqual(
      [],
    );
    expect(strayImports([parse(health, "import { Config } from '../config.ts';")])).toHaveLength(1);
  });
});
