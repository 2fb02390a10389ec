import type { KeyCreated, KeyRotated, KeyShape } from '@playhead/contract';
import pg from 'pg';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { ingestKey, logInPostgres, RunningService, type Answer } from '../support/service.ts';

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

let database: TestDatabase;
let first: RunningService;
let second: RunningService;
let rows: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  const env = { ...logInPostgres, DATABASE_URL: database.url };
  [first, second] = await Promise.all([RunningService.start(env), RunningService.start(env)]);
  rows = new pg.Client({ connectionString: database.url });
  await rows.connect();
}, 240_000);

afterAll(async () => {
  await rows.end();
  await Promise.all([first.stop(), second.stop()]);
  await database.drop();
});

const ask = (path: string, body: object = {}, key?: string): Promise<Answer> =>
  first.request(path, {
    method: 'POST',
    type: 'application/json',
    body: JSON.stringify(body),
    ...(key === undefined ? {} : { key }),
  });

const create = async (body: object): Promise<KeyCreated> => {
  const answer = await ask('/api/keys', body);
  if (answer.status !== 201) throw new Error(answer.text);
  return answer.body as KeyCreated;
};

const revoke = (id: string): Promise<Answer> => ask(`/api/keys/${id}/revoke`);

const listed = async (id: string): Promise<KeyShape | undefined> => {
  const { keys } = await first.get<{ keys: KeyShape[] }>('/api/keys');
  return keys.find((key) => key.id === id);
};

/** What the log holds of a key. */
const eventsOf = async (id: string): Promise<{ type: string; actor: string }[]> => {
  const { rows: found } = await rows.query<{ type: string; actor: string }>(
    `select type, meta->>'actor' as actor from events
     where stream = 'system' and data->>'keyId' = $1 order by position`,
    [id],
  );
  return found;
};

describe('a key', () => {
  it.each([
    ['ap_live_', { name: 'agents', scopes: ['ingest'] }],
    ['ap_test_', { name: 'agents in tests', scopes: ['ingest'], test: true }],
    ['ph_', { name: 'both', scopes: ['ingest', 'read'] }],
    ['ph_', { name: 'page', scopes: ['read'] }],
  ])('begins with %s, by what it may do', async (prefix, body) => {
    const answer = await ask('/api/keys', body);
    expect(answer.status).toBe(201);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const made = answer.body as KeyCreated;
    expect(made.key.slice(0, prefix.length)).toBe(prefix);
    expect(made.key.slice(prefix.length)).toMatch(/^[\w-]{43}$/);
    expect(made).toMatchObject({ name: body.name, scopes: body.scopes, prefix, revokedAt: null });
  });

  it('opens what its scopes name, and nothing else', async () => {
    const { key } = await create({ name: 'page', scopes: ['read'] });
    expect((await first.request('/api/sessions', { key })).status).toBe(200);
    expect((await second.request('/api/sessions', { key })).status).toBe(200);
    expect((await ask('/api/sessions', {}, key)).status).toBe(403);
    expect((await first.request('/api/keys', { key })).status).toBe(403);
    expect((await ask('/api/keys', { name: 'x', scopes: ['admin'] }, key)).status).toBe(403);
    expect((await ask('/api/keys', { name: 'x', scopes: ['admin'] }, ingestKey)).status).toBe(403);
    expect((await first.request('/api/keys', { key: null })).status).toBe(401);
  });

  it('tells its holder who it makes of them, whatever its scopes are', async () => {
    const whoami = (key?: string | null) =>
      first.request('/api/whoami', key === undefined ? {} : { key });
    const { id, key } = await create({ name: 'Tea page', scopes: ['ingest', 'worker'] });
    expect((await whoami(key)).body).toEqual({
      ...{ id: `key:${id}`, name: 'Tea page', scopes: ['ingest', 'worker'] },
    });
    const preset = { id: 'key:preset-ingest', name: 'preset-ingest', scopes: ['ingest'] };
    expect((await whoami(ingestKey)).body).toEqual(preset);
    expect((await whoami()).body).toMatchObject({ name: 'preset-admin', scopes: ['admin'] });
    await revoke(id);
    await sleep(1_000);
    expect([(await whoami(key)).status, (await whoami(null)).status]).toEqual([401, 401]);
  });

  it('is listed, logged and stored without itself or its hash', async () => {
    const { key, ...shown } = await create({ name: 'secret', scopes: ['read'] });
    const list = await first.request('/api/keys');
    expect(await listed(shown.id)).toEqual(shown);
    const stored = await rows.query<{ text: string }>(
      `select string_agg(keys::text, ' ') || (select string_agg(data::text, ' ') from events)
       as text from keys`,
    );
    const hash = await rows.query<{ hash: Buffer }>('select hash from keys where id = $1', [
      shown.id,
    ]);
    for (const text of [list.text, stored.rows[0]?.text ?? '', first.output]) {
      expect(text).not.toContain(key);
      expect(text).not.toContain(key.slice('ph_'.length));
    }
    for (const encoding of ['hex', 'base64', 'base64url'] as const) {
      expect(list.text).not.toContain(hash.rows[0]?.hash.toString(encoding));
    }
    expect(await eventsOf(shown.id)).toEqual([{ type: 'key.created', actor: 'key:preset-admin' }]);
  });

  it.each([
    ['name', { scopes: ['read'] }],
    ['name', { name: '', scopes: ['read'] }],
    ['name', { name: 'two\nlines', scopes: ['read'] }],
    ['name', { name: 'x'.repeat(201), scopes: ['read'] }],
    ['scopes', { name: 'x' }],
    ['scopes', { name: 'x', scopes: [] }],
    ['scopes.1', { name: 'x', scopes: ['read', 'everything'] }],
    ['scopes', { name: 'x', scopes: ['read', 'read'] }],
    ['test', { name: 'x', scopes: ['read'], test: true }],
    ['', { name: 'x', scopes: ['read'], key: 'mine' }],
  ])('is not made when %j is wrong, and nothing is stored', async (field, body) => {
    const before = await rows.query('select position from events');
    const answer = await ask('/api/keys', body);
    expect(answer.status).toBe(400);
    const { code, errors } = answer.body as { code: string; errors: { field: string }[] };
    expect([code, errors[0]?.field]).toEqual(['invalid', field]);
    expect((await rows.query('select position from events')).rows).toEqual(before.rows);
  });

  it('is made beside others at the same time', async () => {
    const names = Array.from({ length: 20 }, (_, nth) => `one of many ${nth}`);
    const made = await Promise.all(names.map((name) => create({ name, scopes: ['read'] })));
    expect(new Set(made.map(({ key }) => key)).size).toBe(20);
    for (const { id } of made) expect(await eventsOf(id)).toHaveLength(1);
  });
});

describe('rotating', () => {
  it('makes a key of the same kind and leaves the old one until it is revoked', async () => {
    const old = await create({ name: 'in tests', scopes: ['ingest'], test: true });
    const answer = await ask(`/api/keys/${old.id}/rotate`);
    expect(answer.status).toBe(201);
    const fresh = answer.body as KeyRotated;
    expect(fresh).toMatchObject({ name: 'in tests', scopes: ['ingest'], replaces: old.id });
    expect(fresh.key).toMatch(/^ap_test_/);
    expect(fresh.note).toContain(`/api/keys/${old.id}/revoke`);
    const event = JSON.stringify({ type: 'nothing' });
    const both = [old.key, fresh.key];
    for (const key of both) expect((await first.ingest(event, { key })).status).not.toBe(401);
    expect((await revoke(old.id)).status).toBe(200);
    await sleep(1_000);
    expect((await first.ingest(event, { key: old.key })).status).toBe(401);
    expect((await first.ingest(event, { key: fresh.key })).status).not.toBe(401);
  });

  it('is refused for a revoked key and for none', async () => {
    const { id } = await create({ name: 'gone', scopes: ['read'] });
    await revoke(id);
    expect(await ask(`/api/keys/${id}/rotate`)).toMatchObject({ status: 409 });
    expect(await ask('/api/keys/nobody/rotate')).toMatchObject({ status: 404 });
  });
});

describe('revoking', () => {
  it('ends a key within a second on every node, also one that is in use', async () => {
    const { id, key } = await create({ name: 'in use', scopes: ['read'] });
    const status = async (node: RunningService) =>
      (await node.request('/api/sessions', { key })).status;
    expect([await status(first), await status(second)]).toEqual([200, 200]);
    const revoked = await revoke(id);
    expect(revoked.status).toBe(200);
    const deadline = Date.now() + 1_000;
    let answers = [0, 0];
    while (Date.now() < deadline && answers.some((one) => one !== 401)) {
      answers = [await status(first), await status(second)];
    }
    expect(answers).toEqual([401, 401]);
    expect(await listed(id)).toEqual(revoked.body);
    expect((revoked.body as KeyShape).revokedAt).not.toBeNull();
  });

  it('changes nothing the second time, nor when it is done twice at once', async () => {
    const { id } = await create({ name: 'twice', scopes: ['read'] });
    const answers = await Promise.all([
      revoke(id),
      revoke(id),
      second.request(`/api/keys/${id}/revoke`, { method: 'POST' }),
    ]);
    const again = await revoke(id);
    for (const { status, body } of answers) expect([status, body]).toEqual([200, again.body]);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['key.created', 'key.revoked']);
  });

  it('writes the event that a crash kept from being written', async () => {
    const { id } = await create({ name: 'crashed', scopes: ['read'] });
    await rows.query('update keys set revoked_at = now() where id = $1', [id]);
    expect((await revoke(id)).status).toBe(200);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['key.created', 'key.revoked']);
  });

  it('answers not-found for a key that there is not', async () => {
    expect(await revoke('nobody')).toMatchObject({ status: 404, body: { code: 'not-found' } });
  });
});

describe('the last admin key of the database', () => {
  let fresh: TestDatabase;
  let service: RunningService;

  beforeAll(async () => {
    fresh = await freshDatabase();
  });
  afterEach(() => service.stop());
  afterAll(() => fresh.drop());

  const start = async (adminKey: string): Promise<RunningService> =>
    RunningService.start({ DATABASE_URL: fresh.url, PLAYHEAD_ADMIN_KEY: adminKey });

  it('cannot be revoked while there is no other, however many try at once', async () => {
    const preset = 'ph_preset_for_a_while_only';
    service = await start(preset);
    const made: KeyCreated[] = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      const answer = await service.request('/api/keys', {
        key: preset,
        type: 'application/json',
        body: JSON.stringify({ name, scopes: ['admin'] }),
      });
      made.push(answer.body as KeyCreated);
    }
    await service.stop();

    service = await start('');
    const answers = await Promise.all(
      made.map(({ id }, nth) =>
        service.request(`/api/keys/${id}/revoke`, {
          method: 'POST',
          key: made[(nth + 1) % made.length]?.key ?? '',
        }),
      ),
    );
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBeLessThan(made.length);
    const list = await Promise.all(
      made.map(({ key }) => sleep(700).then(() => service.request('/api/keys', { key }))),
    );
    expect(list.some(({ status }) => status === 200)).toBe(true);
    const left = made.filter((_, nth) => list[nth]?.status === 200);
    for (const { key, id } of left.slice(1)) {
      const path = `/api/keys/${id}/revoke`;
      expect(await service.request(path, { method: 'POST', key })).toMatchObject({ status: 200 });
    }
    const [last] = left;
    const refused = await service.request(`/api/keys/${last?.id}/revoke`, {
      method: 'POST',
      key: last?.key ?? '',
    });
    expect(refused).toMatchObject({ status: 409, body: { code: 'refused', retry: false } });
    expect((await service.request('/api/keys', { key: last?.key ?? '' })).status).toBe(200);
  });

  it('can be revoked when the environment sets one', async () => {
    const preset = 'ph_preset_for_good_and_all';
    service = await start(preset);
    const { body } = await service.request('/api/keys', { key: preset });
    const last = (body as { keys: KeyShape[] }).keys.find(({ revokedAt }) => revokedAt === null);
    const path = `/api/keys/${last?.id}/revoke`;
    expect(await service.request(path, { method: 'POST', key: preset })).toMatchObject({
      status: 200,
    });
  });
});
