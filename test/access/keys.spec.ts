import { KeyRow, Keys } from '../../src/access/keys.ts';
import { limits } from '../../src/config.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { freshDatabase } from '../support/database.ts';

it.each([
  [0, false],
  [60_000, true],
])(
  'a key found with a cache of %i ms: it still opens when its row is gone: %s',
  async (cacheMs, opens) => {
    const fresh = await freshDatabase();
    const { url } = fresh;
    const database = await openDatabase(url, { entities: [KeyRow], migrations: [], poolSize: 1 });
    const log = await openPostgresLog({ ...limits, connectionString: url });
    const keys = new Keys(database, log, { preset: [], cacheMs });
    const key = await keys.create('reader', ['read']);
    expect(await keys.authenticate(key)).toMatchObject({ scopes: ['read'] });
    await database.getRepository(KeyRow).clear();
    expect((await keys.authenticate(key)) !== undefined).toBe(opens);
    await log.close();
    await database.destroy();
    await fresh.drop();
  },
);
