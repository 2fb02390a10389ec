import { copyName, copySchemas, type CopyKind } from '../copies.ts';
import type { RowTable } from '../row-table.ts';
import type { Database } from './jobs.ts';

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Where a swap puts the table that goes out, until its place is free. */
const SWAP_SCHEMA = 'playhead_swap';

interface Definitions {
  readonly options: string[] | null;
  readonly primaryKey: string;
  readonly primaryKeyName: string;
}

/**
 * Makes an empty table like the one that is read, with its primary key and nothing else that a COPY
 * would have to keep up: see `addIndexes`. Drops what was there.
 */
export async function createCopyTable(database: Database, table: RowTable): Promise<void> {
  await database.query(`create schema if not exists ${copySchemas.rebuild}`);
  for (const name of table.names) await createLike(database, name);
}

async function createLike(database: Database, tableName: string): Promise<void> {
  const schema = copySchemas.rebuild;
  const name = quoted(tableName);
  const [live] = await database.query<Definitions[]>(
    `select reloptions as options, pg_get_constraintdef(constraints.oid) as "primaryKey",
       constraints.conname as "primaryKeyName"
     from pg_class join pg_constraint as constraints on conrelid = pg_class.oid and contype = 'p'
     where pg_class.oid = to_regclass($1)`,
    [name],
  );
  if (!live) throw new Error(`there is no table ${tableName} with a primary key`);
  const options = live.options ? `with (${live.options.join(', ')})` : '';
  await database.query(`drop table if exists ${schema}.${name}`);
  await database.query(
    `create table ${schema}.${name} (like ${name}
       including defaults including constraints including generated including storage
       including compression including comments) ${options}`,
  );
  await database.query(
    `alter table ${schema}.${name}
     add constraint ${quoted(live.primaryKeyName)} ${live.primaryKey}`,
  );
  await copyGrants(database, tableName);
}

/** Who may read the table that is read may read its successor. */
async function copyGrants(database: Database, name: string): Promise<void> {
  const grants = await database.query<{ grantee: string; privilege: string }[]>(
    `select grantee, privilege_type as privilege from information_schema.role_table_grants
     where table_schema = current_schema() and table_name = $1 and grantee <> current_user`,
    [name],
  );
  const table = `${copySchemas.rebuild}.${quoted(name)}`;
  for (const { grantee, privilege } of grants) {
    const to = grantee === 'PUBLIC' ? 'public' : quoted(grantee);
    await database.query(`grant ${privilege} on ${table} to ${to}`);
    if (to !== 'public') {
      await database.query(`grant usage on schema ${copySchemas.rebuild} to ${to}`);
    }
  }
}

/** Adds the indexes that the table that is read has and its copy has not, under the same names. */
export async function addIndexes(database: Database, { names }: RowTable): Promise<void> {
  for (const name of names) await addIndexesTo(database, name);
}

async function addIndexesTo(database: Database, name: string): Promise<void> {
  const missing = await database.query<{ definition: string }[]>(
    `select indexdef as definition from pg_indexes as live
     where schemaname = current_schema() and tablename = $1 and not exists (
       select from pg_indexes as copied
       where copied.schemaname = $2 and copied.indexname = live.indexname)
     order by indexname`,
    [name, copySchemas.rebuild],
  );
  for (const { definition } of missing) {
    const on = `ON ${copySchemas.rebuild}.${quoted(name)} USING`;
    await database.query(definition.replace(/ON (ONLY )?\S+ USING/, on));
  }
  await database.query(`analyze ${copySchemas.rebuild}.${quoted(name)}`);
}

/** Drops a copy: table, checkpoint and parked sessions. */
export async function dropCopy(
  database: Database,
  projection: string,
  kind: CopyKind,
  { names }: RowTable,
): Promise<void> {
  // Tables first, as whoever writes rows locks them: the other way round both could wait for ever.
  const tables = names.map((name) => `${copySchemas[kind]}.${quoted(name)}`);
  await database.query(`drop table if exists ${tables.join(', ')}`);
  await database.query('delete from checkpoints where name = $1', [copyName(projection, kind)]);
  await database.query('delete from parked where projection = $1', [copyName(projection, kind)]);
}

/** Makes the schemas that `exchangeTables` needs. */
export const prepareExchange = async (database: Database): Promise<void> => {
  await database.query(
    `create schema if not exists ${copySchemas.previous};
     create schema if not exists ${SWAP_SCHEMA}`,
  );
};

/**
 * Puts a copy in the place of the table that is read, which becomes the previous one. Tables take
 * their indexes and constraints along into another schema, under their names. All in one message,
 * since readers wait meanwhile.
 */
export async function exchangeTables(
  database: Database,
  projection: string,
  kind: CopyKind,
  { names }: RowTable,
): Promise<void> {
  const [{ live } = { live: 'public' }] = await database.query<{ live: string }[]>(
    'select quote_ident(current_schema()) as live',
  );
  const previous = copyName(projection, 'previous');
  const renames = [
    [projection, `${projection}@swap`],
    [copyName(projection, kind), projection],
    [`${projection}@swap`, previous],
  ].map(
    ([from = '', to = '']) => `
      update checkpoints set name = ${literal(to)} where name = ${literal(from)};
      update parked set projection = ${literal(to)} where projection = ${literal(from)};`,
  );
  const both = `(${literal(projection)}, ${literal(previous)})`;
  // Whoever folded a batch into rows that now lie elsewhere begins again when the generation rises.
  const moves = names.map(quoted).map(
    (table) => `
      alter table ${live}.${table} set schema ${SWAP_SCHEMA};
      alter table ${copySchemas[kind]}.${table} set schema ${live};
      alter table ${SWAP_SCHEMA}.${table} set schema ${copySchemas.previous};`,
  );
  await database.query(
    `${moves.join('')}
     ${renames.join('')}
     update checkpoints set
       retired_at = case when name = ${literal(previous)} then now() end,
       generation = 1 + (select max(generation) from checkpoints where name in ${both})
     where name in ${both}`,
  );
}

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;
