import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { KeyCreated, KeyRotated, KeyShape } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { adminKey, RunningService } from '../support/service.ts';

// What the bin file runs once it has built what is stale, which the test run has done.
const main = join(import.meta.dirname, '../../packages/cli/dist/main.js');

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
}, 240_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

/** Runs the command as a person does who has set the environment. */
const playhead = async (args: readonly string[], env: Record<string, string> = {}) => {
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      PATH: process.env.PATH,
      PLAYHEAD_URL: service.url,
      PLAYHEAD_ADMIN_KEY: adminKey,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close') as Promise<[number]>;
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
};

const json = async <Body>(...args: string[]): Promise<Body> => {
  const { code, out, err } = await playhead([...args, '--json']);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as Body;
};

const status = async (key: string): Promise<number> =>
  (await service.request('/api/sessions', { key })).status;

describe('playhead keys', () => {
  it('creates a key and prints it alone, to be put into a variable', async () => {
    const args = ['keys', 'create', '--name', 'page', '--scope', 'read', '--scope', 'write'];
    const { code, out, err } = await playhead(args);
    expect(code).toBe(0);
    expect(out).toMatch(/^ph_[\w-]{43}\n$/);
    expect(err).toContain('page): read, write.');
    expect(await status(out.trim())).toBe(200);
  });

  it('lists, rotates and revokes what it created', async () => {
    const created = await json<KeyCreated>(
      ...['keys', 'create', '--name', 'agents', '--scope', 'ingest', '--test'],
    );
    expect(created.key).toMatch(/^ap_test_/);
    const rotated = await json<KeyRotated>('keys', 'rotate', created.id);
    expect(rotated).toMatchObject({ name: 'agents', scopes: ['ingest'], replaces: created.id });
    const revoked = await json<KeyShape>('keys', 'revoke', created.id);
    expect(revoked.revokedAt).not.toBeNull();
    const { keys } = await json<{ keys: KeyShape[] }>('keys', 'list');
    expect(keys.find(({ id }) => id === created.id)).toEqual(revoked);
    expect(keys.find(({ id }) => id === rotated.id)?.revokedAt).toBeNull();

    const forPeople = await playhead(['keys', 'list']);
    expect(forPeople.out).toContain(`${rotated.id}  agents`);
    expect(forPeople.out).not.toContain(rotated.key);
    expect(await playhead(['keys', 'revoke', created.id])).toMatchObject({
      code: 0,
      out: `revoked ${created.id} (agents)\n`,
    });
    const again = await playhead(['keys', 'rotate', rotated.id]);
    expect(again.out).toMatch(/^ap_test_[\w-]{43}\n$/);
    expect(again.err).toContain(`playhead keys revoke ${rotated.id}`);
  }, 240_000);

  it('ends with 1 and the reason when it is refused', async () => {
    const unknown = await playhead(['keys', 'revoke', 'no/such key']);
    expect(unknown).toEqual({ code: 1, out: '', err: 'playhead: there is no such key\n' });
    const refused = await playhead(['keys', 'list', '--key', 'wrong', '--json']);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(JSON.parse(refused.err)).toMatchObject({ code: 'unauthenticated', retry: false });
    const wide = await playhead(['keys', 'create', '--name', 'x', '--scope', 'read', '--test']);
    expect(wide.code).toBe(1);
    expect(wide.err).toContain('test: only for keys whose only scope is ingest');
  });

  it.each([
    ['--scope', ['keys', 'create', '--name', 'x']],
    ['--name', ['keys', 'create', '--scope', 'read']],
    ['everything', ['keys', 'create', '--name', 'x', '--scope', 'everything']],
    ['id', ['keys', 'revoke']],
    ['destroy', ['keys', 'destroy']],
    ['--frobnicate', ['keys', 'list', '--frobnicate']],
    ['must be an http:// or https:// URL', ['keys', 'list', '--url', 'localhost:3000']],
  ])('ends with 2 and names what is wrong: %s', async (named, args) => {
    const { code, out, err } = await playhead(args);
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain(named);
  });

  it('ends with 2 without a key, also when the variable is empty', async () => {
    const { code, err } = await playhead(['keys', 'list'], { PLAYHEAD_ADMIN_KEY: '' });
    expect(code).toBe(2);
    expect(err).toContain('PLAYHEAD_ADMIN_KEY');
  });

  it('ends with 3 where nobody answers, or somebody else', async () => {
    const answers: RequestListener = (_request, answer) => void answer.end('<p>Hello</p>');
    const other = createServer(answers).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const strange = await playhead(['keys', 'list', '--url', url]);
    expect([strange.code, strange.out]).toEqual([3, '']);
    expect(strange.err).toContain(`${url} does not answer like Playhead`);
    other.close();
    other.closeAllConnections();
    await once(other, 'close');
    const nobody = await playhead(['keys', 'list'], { PLAYHEAD_URL: url });
    expect([nobody.code, nobody.out]).toEqual([3, '']);
    expect(nobody.err).toContain(`cannot reach ${url}`);
  });

  it.each([[['--help']], [['keys', '--help']], [['keys', 'create', '--help']]])(
    'teaches by %j, and never shows the key of the environment',
    async (args) => {
      const { code, out } = await playhead(args);
      expect(code).toBe(0);
      expect(out).toContain('PLAYHEAD_URL');
      expect(out).not.toContain(adminKey);
      if (args.length === 2) expect(out).toContain('$ playhead keys create --name');
    },
  );
});
