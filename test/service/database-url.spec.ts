import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/embedded-postgres/index.ts';
import { query, temporaryFolder } from '../support/postgres-process.ts';
import { Program, statusOf } from '../support/program.ts';

const listening = async (server: Server): Promise<number> => {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
};

describe('a DATABASE_URL', () => {
  let postgres: EmbeddedPostgres;
  let folder: string;
  let dataDir: string;
  let good: URL;
  beforeAll(async () => {
    folder = await temporaryFolder();
    dataDir = join(folder, 'unused');
    // Over TCP, as somebody's own Postgres mostly is; there it asks for a password.
    postgres = await startEmbeddedPostgres({ dataDir: join(folder, 'own'), transport: 'tcp' });
    good = new URL(postgres.url);
    await query(postgres.url, `create role reader login password 'a-secret'`);
    await query(postgres.url, 'create database own');
  });
  afterEach(() => Program.killAll());
  afterAll(async () => {
    await postgres.stop();
    await rm(folder, { recursive: true });
  });

  const start = (DATABASE_URL: string): Program =>
    new Program({ PLAYHEAD_DATA_DIR: dataDir, PORT: '0', DATABASE_URL });

  const changed = (change: Partial<Record<'host' | 'password' | 'username', string>>): string =>
    Object.assign(new URL(good), change).href;

  const to = (database: string, url: string): string =>
    Object.assign(new URL(url), { pathname: `/${database}` }).href;

  const refused = async (DATABASE_URL: string): Promise<string> => {
    const line = await start(DATABASE_URL).refusal();
    expect(line).toMatch(/^DATABASE_URL: ./);
    expect(line).not.toContain(new URL(DATABASE_URL).password);
    expect(existsSync(dataDir)).toBe(false);
    return line;
  };

  it('that is right serves, and nothing is made in the data folder', async () => {
    const service = start(to('own', good.href));
    const key = await service.printed(/only this once: (ph_\S+)/);
    expect(await statusOf((await service.url()) + '/api/sessions', key)).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(existsSync(dataDir)).toBe(false);
  });

  it('at which nobody listens is named', async () => {
    expect(await refused(changed({ host: '127.0.0.1:1' }))).toContain('ECONNREFUSED');
  });

  it('with an unknown host is named, and is not taken for HOST', async () => {
    expect(await refused(changed({ host: 'no.such.host.invalid:5432' }))).not.toContain('HOST');
  });

  it('with an unknown database is named', async () => {
    expect(await refused(to('nowhere', good.href))).toContain('"nowhere" does not exist');
  });

  it('with a wrong password is named, the password is not', async () => {
    expect(await refused(changed({ password: 'guessed' }))).toContain('password authentication');
  });

  it('whose user may not make tables is named', async () => {
    const url = changed({ username: 'reader', password: 'a-secret' });
    expect(await refused(url)).toContain('permission denied');
  });

  it('that accepts and then says nothing, or no Postgres, is named', async () => {
    const silent = createServer(() => undefined);
    const stranger = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const ports = await Promise.all([listening(silent), listening(stranger)]);
    await Promise.all(ports.map((port) => refused(changed({ host: `127.0.0.1:${port}` }))));
    silent.close();
    stranger.close();
  });
});
