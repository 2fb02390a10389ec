import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { ConfigError, readConfig } from '../../src/config.ts';
import { startEmbeddedPostgres } from '../../src/embedded-postgres/index.ts';
import { withSecretFiles } from '../../src/startup/secret-files.ts';
import { processesIn, query, temporaryFolder } from '../support/postgres-process.ts';
import { Program, statusOf } from '../support/program.ts';

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
});

afterEach(async () => {
  await Program.killAll();
  expect(processesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

const start = (env: Record<string, string> = {}): Program =>
  new Program({ PLAYHEAD_DATA_DIR: dataDir, PORT: '0', ...env });

const refusalOf = (env: Record<string, string>): Promise<string> => start(env).refusal();

const readers = '/api/sessions';

describe('the first start', () => {
  it('needs nothing, says the address and an admin key, and says the key only once', async () => {
    const first = start();
    const url = await first.url();
    const key = await first.printed(/^Admin key, shown only this once: (ph_\S{20,})$/m);
    expect(await statusOf(url + readers, key)).toBe(200);
    expect(await statusOf(url + readers, `${key}x`)).toBe(401);
    expect(await statusOf(`${url}/api/keys`, key)).toBe(200);
    expect(await first.stop()).toBe(0);

    const second = start();
    const again = await second.url();
    expect(await statusOf(again + readers, key)).toBe(200);
    expect(await second.stop()).toBe(0);
    expect(second.stdout).toBe(`Playhead listens on ${again}\n`);
  });

  it('makes no key when one is set, and takes that one', async () => {
    const PLAYHEAD_ADMIN_KEY = 'set-by-the-operator';
    const first = start({ PLAYHEAD_ADMIN_KEY });
    const url = await first.url();
    expect(await statusOf(`${url}/api/keys`, PLAYHEAD_ADMIN_KEY)).toBe(200);
    expect(await first.stop()).toBe(0);
    expect(first.stdout).toBe(`Playhead listens on ${url}\n`);
  });
});

describe('a wrong setting', () => {
  it.each([
    ['PORT', 'abc'],
    ['HOST', 'no.such.host.invalid'],
    ['HOST', '192.0.2.1'],
    ['PLAYHEAD_ADMIN_KEY', 'short'],
    ['DATABASE_URL', 'mysql://root:a-secret@127.0.0.1/playhead'],
    ['EVENTSTORE_URL', 'http://root:a-secret@127.0.0.1:2113'],
    ['DATABASE_URL_FILE', '/nowhere/at-all'],
  ])('%s=%j is refused by name before anything is made', async (name, value) => {
    const line = await refusalOf({ [name]: value });
    expect(line).toMatch(new RegExp(`\\b${name}\\b`));
    expect(line).not.toContain('a-secret');
    expect(existsSync(dataDir)).toBe(false);
  });

  it.each([
    ['PORT', '70000'],
    ['PORT', '-1'],
    ['PORT', ' '],
    ['PORT', '0x50'],
    ['PLAYHEAD_ADMIN_KEY', 'no header can carry this'],
    ['AGENTPIPE_BRIDGE_API_KEY', 'short'],
    ['AGENTPIPE_BRIDGE_API_KEY', 'schlüssel-zum-haus'],
    ['DATABASE_URL', '127.0.0.1:5432'],
    ['EVENTSTORE_URL', 'esdb://'],
    ['EVENTSTORE_STREAM_PREFIX', 'a-b'],
    ['EVENTSTORE_STREAM_PREFIX', '$a'],
    ['PLAYHEAD_INGEST_PER_MINUTE', '0'],
    ['PLAYHEAD_INGEST_PER_MINUTE', '1e3'],
    ['PLAYHEAD_INGEST_PER_MINUTE', '-1'],
    ['PLAYHEAD_REQUESTS_PER_MINUTE', 'many'],
    ['PLAYHEAD_SOCKETS_PER_KEY', '1.5'],
    ['PLAYHEAD_LOG_LEVEL', 'loud'],
  ])('%s=%j is reported in a line with its name', (name, value) => {
    const reading = (): unknown => readConfig({ [name]: value });
    expect(reading).toThrow(ConfigError);
    expect(reading).toThrow(new RegExp(`^${name}: [^\\n]+$`));
    expect(readConfig({ [name]: '' })).toEqual(readConfig({}));
  });

  it('is read from a file when it is a secret, and refused when it is there twice', async () => {
    const file = join(folder, 'secret');
    await writeFile(file, 'a-secret-of-the-operator\n');
    const env = { PLAYHEAD_ADMIN_KEY_FILE: file, PLAYHEAD_INGEST_PER_MINUTE: '7' };
    const read = readConfig(withSecretFiles(env));
    expect([read.adminKey, read.ingestPerMinute]).toEqual(['a-secret-of-the-operator', 7]);
    expect(() => withSecretFiles({ ...env, PLAYHEAD_ADMIN_KEY: 'another-secret' })).toThrow(
      /^PLAYHEAD_ADMIN_KEY: is set beside PLAYHEAD_ADMIN_KEY_FILE$/,
    );
    await writeFile(file, ' \n');
    expect(() => withSecretFiles(env)).toThrow(/^PLAYHEAD_ADMIN_KEY_FILE: .* is empty$/);
  });

  it('is reported beside every other one, a line each', async () => {
    const refused = start({ PORT: 'abc', PLAYHEAD_LOG_LEVEL: 'loud' });
    expect(await refused.ended).toBe(1);
    expect(refused.stderr).toMatch(/^PORT: .+\nPLAYHEAD_LOG_LEVEL: .+\n$/);
  });
});

describe('what is taken already', () => {
  it('a port is named, its holder keeps it and nothing is made', async () => {
    const holder = createServer();
    await once(holder.listen(0, '127.0.0.1'), 'listening');
    const { port } = holder.address() as AddressInfo;
    expect(await refusalOf({ PORT: String(port) })).toMatch(
      new RegExp(`PORT ${port}: .*EADDRINUSE`),
    );
    expect([holder.listening, existsSync(dataDir)]).toEqual([true, false]);
    holder.close();
  });

  it('a data folder is named, and the service that works in it goes on', async () => {
    const PLAYHEAD_ADMIN_KEY = 'set-by-the-operator';
    const first = start({ PLAYHEAD_ADMIN_KEY });
    const url = await first.url();
    const line = await refusalOf({ PLAYHEAD_ADMIN_KEY });
    expect(line).toContain(`PLAYHEAD_DATA_DIR ${dataDir}`);
    expect(line).toContain(`in use`);
    expect(line).toContain(`process ${first.pid}`);
    expect(await statusOf(url + readers, PLAYHEAD_ADMIN_KEY)).toBe(200);
    expect(await first.stop()).toBe(0);
    const next = start();
    await next.url();
    expect(await next.stop()).toBe(0);
  });

  it.each(['', '/below'])('a data folder that is a file%s is named', async (below) => {
    await writeFile(dataDir, 'of somebody');
    const PLAYHEAD_DATA_DIR = dataDir + below;
    expect(await refusalOf({ PLAYHEAD_DATA_DIR })).toContain(
      `PLAYHEAD_DATA_DIR ${PLAYHEAD_DATA_DIR}`,
    );
  });

  it('tables of somebody else in the data folder are named, and are left alone', async () => {
    const before = await startEmbeddedPostgres({ dataDir });
    await query(before.url, 'create table events as select 7 as number');
    await before.stop();
    expect(await refusalOf({})).toContain(`PLAYHEAD_DATA_DIR ${dataDir}`);
    expect(processesIn(dataDir)).toEqual([]);

    const after = await startEmbeddedPostgres({ dataDir });
    expect(await query(after.url, 'select number from events')).toEqual([{ number: 7 }]);
    await query(after.url, 'drop table events');
    await after.stop();
    const mended = start();
    await mended.url();
    expect(await mended.stop()).toBe(0);
  });
});
