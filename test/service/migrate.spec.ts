import { migrate, openDatabase } from '../../src/database.ts';
import { freshDatabase } from '../support/database.ts';

describe('the database', () => {
  it('is a clone that a test may change and drop', async () => {
    const database = await freshDatabase();
    const dataSource = await openDatabase(database.url, {
      entities: [],
      migrations: [],
      poolSize: 2,
    });
    await migrate(dataSource);
    const rows = await dataSource.query<{ name: string }[]>('select current_database() as name');
    expect(rows[0]?.name).toMatch(/^test_/);
    await dataSource.destroy();
    await database.drop();
  });
});
