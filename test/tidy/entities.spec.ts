import type { DataSource } from 'typeorm';
import { KeyRow } from '../../src/access/keys.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { projections } from '../../projections/index.ts';
import { entitiesOf } from '../../src/projecting/projection.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
let dataSource: DataSource;

beforeAll(async () => {
  database = await freshDatabase();
  const entities = [...entitiesOf(projections), KeyRow];
  dataSource = await openDatabase(database.url, { entities, migrations: [], poolSize: 2 });
});

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** What TypeORM would change in the database to make it fit the entities. */
const differences = async (): Promise<string[]> => {
  const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
  return upQueries.map(({ query }) => query);
};

describe('the entities', () => {
  it('describe the tables that the migrations made', async () => {
    expect(await differences()).toEqual([]);
  });

  it('are caught not doing so', async () => {
    await dataSource.query('alter table sessions alter column max_turns type integer');
    await dataSource.query('drop index messages_in_order');
    await dataSource.query('alter table participants alter column name set not null');
    const found = (await differences()).join('\n');
    expect(found).toContain('"max_turns"');
    expect(found).toContain('messages_in_order');
    expect(found).toContain('"participants" ALTER COLUMN "name" DROP NOT NULL');
  });

  it('leave out nothing that numbers, links or reacts by itself', async () => {
    const [found] = await dataSource.query<{ tables: number; faults: string[] }[]>(`
      select
        (select count(*)::int from information_schema.tables where table_schema = 'public')
          as tables,
        array(
          select 'sequence ' || sequence_name from information_schema.sequences
          where sequence_schema = 'public' and sequence_name <> 'migrations_id_seq'
          union all
          select 'foreign key ' || conname from pg_constraint where contype = 'f'
          union all
          select 'trigger ' || tgname from pg_trigger where not tgisinternal
        ) as faults`);
    expect(found?.tables).toBeGreaterThan(5);
    expect(found?.faults).toEqual([]);
  });
});
