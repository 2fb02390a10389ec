import { randomUUID } from 'node:crypto';
import type {
  CommandAnswer,
  ParkedSessionShape,
  ParkedShown,
  SessionRefolded,
} from '@playhead/contract';
import pg from 'pg';
import { Run, type Ended } from '../support/cli.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { until } from '../support/postgres-process.ts';
import { adminKey, ingestKey, logInPostgres, RunningService } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;
let client: pg.Client;

beforeAll(async () => {
  database = await freshDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  service = await RunningService.start({
    ...{ DATABASE_URL: database.url, ...logInPostgres },
    PLAYHEAD_CHECKED_SESSIONS_PER_MINUTE: '6000',
  });
}, 240_000);

afterAll(async () => {
  await service.stop();
  await client.end();
  await database.drop();
});

const say = (sessionId: string, messageId: string): Promise<CommandAnswer> =>
  service.post(`/api/sessions/${encodeURIComponent(sessionId)}/commands/message.post`, {
    messageId,
    content: 'text',
  });

/** Another program has written to the log what no table can hold. */
const appendPoison = async (sessionId: string, messageId: string): Promise<string> => {
  const id = randomUUID();
  const data = { messageId, role: 'user', source: 'user', content: 'a\u0000b' };
  const meta = { at: new Date().toISOString(), actor: 'test', commandId: id };
  await client.query(`select * from append_event($1, null, $2, 'message.posted', 1, $3, $4)`, [
    ...[`session-${sessionId}`, id, JSON.stringify(data), JSON.stringify(meta)],
  ]);
  return id;
};

const parkedIn = async (projection: string): Promise<ParkedSessionShape[]> => {
  const { parked } = await service.get<{ parked: ParkedSessionShape[] }>('/api/projections/parked');
  return parked.filter((one) => one.projection === projection);
};

/** A session that is parked in the read model of messages at its second message. */
async function parkedSession(sessionId: string): Promise<string> {
  await service.post('/api/sessions', { sessionId });
  await say(sessionId, 'm1');
  const eventId = await appendPoison(sessionId, 'm2');
  await until(async () => (await parkedIn('messages')).some((one) => one.sessionId === sessionId));
  return eventId;
}

const playhead = (...args: string[]): Promise<Ended> =>
  new Run(args, { PLAYHEAD_URL: service.url, PLAYHEAD_ADMIN_KEY: adminKey }).ended();

const refusal = async (path: string, data?: object, key = adminKey) => {
  const body = data && { body: JSON.stringify(data), type: 'application/json' };
  const { status, body: said } = await service.request(path, { key, ...body });
  const { code, field } = said as { code: string; field?: string };
  return [status, code, field];
};

describe('a parked session', () => {
  it('shows in readiness, metrics and answers, until its event is skipped', async () => {
    const sessionId = 'stuck one/2';
    const path = `/api/sessions/${encodeURIComponent(sessionId)}`;
    await service.post('/api/sessions', { sessionId: 'fine' });
    const eventId = await parkedSession(sessionId);
    const { revision } = await say(sessionId, 'm3');
    await service.caughtUp();

    const ready = await service.request('/health/ready', { key: null });
    expect([ready.status, ready.body]).toEqual([
      200,
      expect.objectContaining({
        parked: expect.arrayContaining([{ projection: 'messages', sessions: 1 }]),
      }),
    ]);
    const metrics = (await service.request('/metrics')).text;
    expect(metrics).toContain('playhead_projection_parked_sessions{projection="messages"} 1');
    const [parked] = await parkedIn('messages');
    expect(parked).toMatchObject({ sessionId, eventId });
    const messages = await service.get<{ messages: object[]; staleSince?: string }>(
      `${path}/messages`,
    );
    expect([messages.messages.length, messages.staleSince]).toEqual([1, parked?.at]);
    const timeline = await service.get<{ staleSince?: string }>(`${path}/timeline`);
    expect(timeline.staleSince).toBe(parked?.at);
    // Rows that are behind say nothing of a moment; what is folded from the log does.
    for (const part of ['messages', 'timeline', 'export']) {
      const then = await refusal(`${path}/${part}?at=${revision}`);
      expect([part, ...then.slice(0, 2)]).toEqual([part, 503, 'unavailable']);
    }
    for (const part of ['', '/participants', '/tools']) {
      expect((await service.request(`${path}${part}?at=${revision}`)).status).toBe(200);
    }
    // Its own row has everything: only messages are behind.
    const one = await service.get<object>(path);
    expect(one).toMatchObject({ revision });
    for (const current of [one, await service.get<object>(`${path}/participants`)]) {
      expect(current).not.toHaveProperty('staleSince');
    }

    const shown = await service.get<ParkedShown>(
      `/api/projections/messages/parked/${encodeURIComponent(sessionId)}`,
    );
    expect(shown).toMatchObject({ eventId, waiting: 1, event: { id: eventId, sessionId } });
    const skip = `/api/projections/messages/parked/${encodeURIComponent(sessionId)}/skip`;
    const skipped = await service.post<SessionRefolded>(skip, { why: ' of no use ' });
    expect(skipped).toMatchObject({ projection: 'messages', sessionId, parked: null });
    const after = await service.get<{ messages: { id: string }[] }>(`${path}/messages`);
    expect(after.messages.map(({ id }) => id)).toEqual(['m1', 'm3']);
    await until(async () => !('staleSince' in (await service.get<object>(`${path}/messages`))));
    const { rows } = await client.query<{ data: string }>(
      `select data::text as data from events
       where stream = 'system' and type = 'projection.event-skipped'`,
    );
    expect(rows.map(({ data }) => JSON.parse(data) as unknown)).toEqual([
      ...[
        {
          projection: 'messages',
          sessionId,
          eventId,
          revision: parked?.revision,
          why: 'of no use',
        },
      ],
    ]);
  }, 60_000);

  it('marks the sessions of a list, and no others', async () => {
    await service.post('/api/sessions', { sessionId: 'listed' });
    await service.caughtUp();
    await client.query(`insert into parked values ('sessions', 'listed', 0, 'id', 'x')`);
    // Whoever changes what is parked says so at the checkpoint.
    await client.query(
      `update checkpoints set generation = generation + 1 where name = 'sessions'`,
    );
    await say('fine', 'wakes the read models');
    await service.caughtUp();
    const staleIn = async (query: string): Promise<unknown[]> => {
      const { sessions } = await service.get<{ sessions: { id: string; staleSince?: string }[] }>(
        `/api/sessions${query}`,
      );
      return sessions.filter(({ staleSince }) => staleSince !== undefined).map(({ id }) => id);
    };
    expect(await staleIn('')).toEqual(['listed']);
    expect(await staleIn('?sort=messages&fields=id,staleSince')).toEqual(['listed']);
    expect(await staleIn('?fields=id')).toEqual([]);
    expect(await service.get('/api/sessions/listed')).toHaveProperty('staleSince');
    const retry = '/api/projections/sessions/parked/listed/retry';
    expect(await service.post(retry, {})).toMatchObject({ parked: null });
    await until(async () => (await staleIn('')).length === 0);
  }, 60_000);

  it('is dealt with from the command line', async () => {
    await parkedSession('by-hand');
    const listed = await playhead('parked', 'list');
    expect(listed.out).toMatch(/^PROJECTION +SESSION +REVISION +SINCE +ERROR\n/);
    expect(listed.out).toContain('by-hand');
    const shown = await playhead('parked', 'show', 'messages', 'by-hand');
    expect(shown.out).toContain('message.posted');
    expect(shown.out).toContain('later events that wait: 0');
    const retried = await playhead('parked', 'retry', 'messages', 'by-hand');
    expect([retried.code, retried.out]).toEqual([
      0,
      expect.stringContaining('parked at revision 2'),
    ]);
    const { code, err } = await playhead('parked', 'skip', 'messages', 'by-hand');
    expect([code, err]).toEqual([2, expect.stringContaining('--why')]);
    const skipped = await playhead(
      ...['parked', 'skip', 'messages', 'by-hand', '--why', 'a test', '--json'],
    );
    expect(JSON.parse(skipped.out)).toMatchObject({ sessionId: 'by-hand', parked: null });
    const gone = await playhead('parked', 'show', 'messages', 'by-hand');
    expect([gone.code, gone.err]).toEqual([1, 'playhead: messages has not parked this session\n']);
    expect((await playhead('parked', '--help')).out).toContain('Examples:');
  }, 120_000);
});

describe('what is asked of read models', () => {
  it('is refused by name', async () => {
    const at = '/api/projections';
    expect(await refusal(`${at}/nothing/differences`)).toEqual([404, 'not-found', undefined]);
    expect(await refusal(`${at}/nothing/heal`, { sessionId: 'fine' })).toEqual([
      404,
      'not-found',
      undefined,
    ]);
    expect(await refusal(`${at}/messages/parked/fine`)).toEqual([404, 'not-found', undefined]);
    expect(await refusal(`${at}/messages/parked/%00`)).toEqual([404, 'not-found', undefined]);
    expect(await refusal(`${at}/messages/parked/fine/retry`, {})).toEqual([
      404,
      'not-found',
      undefined,
    ]);
    expect(await refusal(`${at}/messages/parked/fine/skip`, {})).toEqual([400, 'invalid', 'why']);
    expect(await refusal(`${at}/messages/heal`, { sessionId: 7 })).toEqual([
      400,
      'invalid',
      'sessionId',
    ]);
    expect(await refusal(`${at}/messages/heal`, { sessionId: 'nobody' })).toEqual([
      409,
      'refused',
      undefined,
    ]);
    expect(await refusal(`${at}/parked`, undefined, ingestKey)).toEqual([
      403,
      'forbidden',
      undefined,
    ]);
  });
});
