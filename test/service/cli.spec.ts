import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandAnswer, KeyCreated, SessionEvent } from '@playhead/contract';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { startRelay } from '../support/raw-relay.ts';
import { adminKey, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;

const start = (port = '0'): Promise<RunningService> =>
  RunningService.start({ DATABASE_URL: database.url, PORT: port });

beforeAll(async () => {
  database = await freshDatabase();
  service = await start();
}, 240_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const run = (args: readonly string[], env: Record<string, string> = {}, input = ''): Run =>
  new Run(args, { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey, ...env }, input);

const playhead = (...args: Parameters<typeof run>): Promise<Ended> => run(...args).ended();

const post = async (sessionId: string, type: string, data: object = {}): Promise<void> => {
  const { status, text } = await service.request(`/api/sessions/${sessionId}/commands/${type}`, {
    type: 'application/json',
    body: JSON.stringify(data),
  });
  if (status >= 300) throw new Error(text);
};

/** A new session with so many events. */
const aSession = async (events: number): Promise<string> => {
  const sessionId = randomUUID();
  await post(sessionId, 'session.start', { name: 'Tea' });
  for (let nth = 1; nth < events; nth += 1) {
    await post(sessionId, 'message.post', { content: `${nth}`, agentName: 'Ada' });
  }
  return sessionId;
};

const eventsOf = async (sessionId: string): Promise<SessionEvent[]> => {
  const path = `/api/sessions/${sessionId}/events?limit=1000`;
  return (await service.get<{ events: SessionEvent[] }>(path)).events;
};

const keyFor = async (...scopes: string[]): Promise<KeyCreated> => {
  const body = JSON.stringify({ name: 'test', scopes });
  return (await service.request('/api/keys', { type: 'application/json', body }))
    .body as KeyCreated;
};

const revoke = ({ id }: KeyCreated) =>
  service.request(`/api/keys/${id}/revoke`, { type: 'application/json', body: '{}' });

/** As the service comes back after a crash or an update: at the same address. */
const restarted = async (end: 'kill' | 'stop'): Promise<void> => {
  const { port } = new URL(service.url);
  await service[end]();
  service = await start(port);
};

describe('playhead tail', () => {
  it('prints every event on a line and ends', async () => {
    const sessionId = await aSession(3);
    await post(sessionId, 'message.post', { content: 'two\nlines \u001b[31m\u202ered' });
    const { code, out, err } = await playhead(['tail', sessionId]);
    expect([code, err]).toEqual([0, '']);
    const lines = out.split('\n').slice(0, -1);
    expect(lines.map((line) => line.split(/ +/).slice(1, 3))).toEqual([
      ['0', 'session.started'],
      ['1', 'message.posted'],
      ['2', 'message.posted'],
      ['3', 'message.posted'],
    ]);
    expect(lines[1]).toMatch(/^\d{4}-.*Z .* Ada {2}1$/);
    expect(lines[3]).toContain('two ⏎ lines �[31m�red');
  });

  it('prints JSON as the log has it, from a revision on', async () => {
    const sessionId = await aSession(5);
    const { out } = await playhead(['tail', sessionId, '--json', '--after', '1']);
    const printed = out.split('\n').slice(0, -1);
    expect(printed.map((line) => JSON.parse(line) as unknown)).toEqual(
      (await eventsOf(sessionId)).slice(2),
    );
    expect((await playhead(['tail', sessionId, '--after', '4'])).out).toBe('');
  });

  it('follows through crashes and updates of the service, without a hole or a double', async () => {
    const sessionId = await aSession(3);
    const tail = run(['tail', sessionId, '--follow', '--json']);
    await tail.printed(3);
    for (const end of ['kill', 'stop'] as const) {
      // While it is printed, and while nobody can be notified.
      const writing = (async () => {
        for (let nth = 0; nth < 120; nth += 1) {
          await post(sessionId, 'message.post', { content: `${end} ${nth}` }).catch(
            () => undefined,
          );
        }
      })();
      await tail.printed(tail.lines.length + 20);
      await restarted(end);
      await writing;
      await post(sessionId, 'message.post', { content: 'back' });
    }
    const events = await eventsOf(sessionId);
    expect(events.length).toBeGreaterThan(40);
    await tail.printed(events.length);
    tail.interrupt();
    const { code, out, err } = await tail.ended();
    expect([code, err]).toEqual([0, '']);
    const printed = out.split('\n').slice(0, -1);
    expect(printed.map((line) => JSON.parse(line) as unknown)).toEqual(events);
  }, 120_000);

  it('ends quietly when nobody reads any more', async () => {
    const sessionId = await aSession(2);
    const tail = run(['tail', sessionId, '--follow']);
    await tail.printed(2);
    tail.closePipe();
    for (let nth = 0; nth < 3; nth += 1) await post(sessionId, 'message.post', { content: 'more' });
    expect(await tail.ended()).toMatchObject({ code: 0, err: '' });
  });

  it('ends with 1 and the reason when it is refused, also in the middle', async () => {
    const unknown = await playhead(['tail', randomUUID(), '--follow']);
    expect(unknown).toMatchObject({ code: 1, out: '' });
    expect(unknown.err).toBe('playhead: No such thing, or not yours to see\n');
    const sessionId = await aSession(2);
    const beyond = await playhead(['tail', sessionId, '--after', '7', '--json']);
    expect(beyond.code).toBe(1);
    expect(JSON.parse(beyond.err)).toMatchObject({ code: 'cursor-unknown' });
    const wrong = await playhead(['tail', sessionId, '--key', 'wrong', '--json']);
    expect(wrong.code).toBe(1);
    expect(JSON.parse(wrong.err)).toMatchObject({ code: 'unauthenticated' });

    const key = await keyFor('read');
    const tail = run(['tail', sessionId, '--follow', '--key', key.key]);
    await tail.printed(2);
    await revoke(key);
    expect(await tail.ended()).toMatchObject({ code: 1, err: 'playhead: the key was revoked\n' });
  });
});

describe('playhead send', () => {
  it('asks for commands, with data from the line, a file or standard input', async () => {
    const sessionId = randomUUID();
    const started = await playhead([
      'send',
      sessionId,
      'session.start',
      '--data',
      '{"name":"Tea"}',
    ]);
    expect(started).toMatchObject({ code: 0, err: '' });
    expect(started.out).toMatch(/^revision 0, position \d+\n$/);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'data.json'), '{"content":"from a file"}');
    const args = ['send', sessionId, 'message.post', '--data'];
    const second = await playhead([...args, `@${join(folder, 'data.json')}`, '--json']);
    await rm(folder, { recursive: true });
    expect(JSON.parse(second.out)).toMatchObject({ sessionId, revision: 1, appended: true });
    expect((await playhead([...args, '-'], {}, '{"content":"ö"}')).code).toBe(0);
    const said = (await eventsOf(sessionId)).slice(1).map(({ data }) => data);
    expect(said).toMatchObject([{ content: 'from a file' }, { content: 'ö' }]);
  });

  it('says code, field and message of a refusal and ends with 1', async () => {
    const sessionId = await aSession(1);
    const wrong = await playhead(['send', sessionId, 'session.rename', '--data', '{"name":""}']);
    expect([wrong.code, wrong.out]).toEqual([1, '']);
    expect(wrong.err).toMatch(/^playhead: invalid: name: .+\n$/);
    const post = ['send', sessionId, 'message.post', '--idempotency-key', 'k'];
    const first = await playhead([...post, '--data', '{"content":"a"}', '--json']);
    const again = await playhead([...post, '--data', '{"content":"a"}', '--json']);
    expect(JSON.parse(again.out)).toEqual({
      ...(JSON.parse(first.out) as CommandAnswer),
      appended: false,
    });
    const other = await playhead([...post, '--data', '{"content":"b"}', '--json']);
    expect([other.code, other.out]).toEqual([1, '']);
    expect(JSON.parse(other.err)).toMatchObject({ code: 'key-reused', retry: false });
  });

  it('has one effect when answers are lost and the service is overloaded meanwhile', async () => {
    const sessionId = await aSession(1);
    const overloaded = JSON.stringify({ code: 'overloaded', detail: 'busy', retry: true });
    let tries = 0;
    const relay = await startRelay(service.url, (_path, answer) => {
      tries += 1;
      if (tries === 1) return null;
      return tries === 2 ? { status: 503, body: overloaded } : answer;
    });
    const args = ['send', sessionId, 'message.post', '--data', '{"content":"once"}'];
    const sent = await playhead(args, { PLAYHEAD_URL: relay.url });
    expect([sent.code, sent.err, tries]).toEqual([0, '', 3]);
    expect(sent.out).toContain('nothing new');
    expect(await eventsOf(sessionId)).toHaveLength(2);

    // What will not be otherwise a second time is asked for once.
    const refused = await playhead(['send', sessionId, 'session.rename'], {
      PLAYHEAD_URL: relay.url,
    });
    expect([refused.code, tries]).toEqual([1, 4]);
    await relay.close();
  });

  it('waits for a service that is just being restarted', async () => {
    const sessionId = await aSession(1);
    const { port } = new URL(service.url);
    await service.kill();
    const sending = playhead(['send', sessionId, 'session.idle', '--retry-for', '60']);
    service = await start(port);
    expect(await sending).toMatchObject({ code: 0, err: '' });
    expect(await eventsOf(sessionId)).toHaveLength(2);
  });

  it.each([
    ['message.explode', ['send', 's', 'message.explode']],
    ['--data', ['send', 's', 'message.post', '--data', '{oops']],
    ['must be a JSON object', ['send', 's', 'message.post', '--data', '[1]']],
    ['no such file', ['send', 's', 'message.post', '--data', '@nowhere.json']],
    ['must be a revision', ['tail', 's', '--after', '1.5']],
    ['session', ['tail']],
  ])('ends with 2 and names what is wrong: %s', async (named, args) => {
    const { code, out, err } = await playhead(args);
    expect([code, out, err]).toEqual([2, '', expect.stringContaining(named)]);
  });

  it.each([[['tail', 's']], [['send', 's', 'session.idle', '--retry-for', '0']]])(
    'ends with 3 where nobody answers: %j',
    async (args) => {
      const { code, err } = await playhead(args, { PLAYHEAD_URL: 'http://127.0.0.1:1' });
      expect([code, err]).toEqual([3, expect.stringContaining('cannot reach http://127.0.0.1:1')]);
    },
  );
});
