import type { CommandAnswer, MessageView } from '@playhead/contract';
import { cursorOf } from '../../src/http/list-cursors.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { RunningService, type Answer } from '../support/service.ts';

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const post = async (path: string, data: object): Promise<CommandAnswer> => {
  const body = JSON.stringify(data);
  const answer = await service.request(path, { body, type: 'application/json' });
  if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
  return answer.body as CommandAnswer;
};

const start = async (data: object = {}): Promise<string> =>
  (await post('/api/sessions', data)).sessionId;

const command = (id: string, type: string, data: object): Promise<CommandAnswer> =>
  post(`/api/sessions/${id}/commands/${type}`, data);

const refusalOf = ({ status, body }: Answer) => {
  const { code, retry, field } = body as { code: string; retry: boolean; field?: string };
  return { status, code, retry, field };
};

const invalid = (field: string) => ({ status: 400, code: 'invalid', retry: false, field });

interface Listed {
  readonly sessions: Record<string, unknown>[];
  readonly pagination: { total: number; next: string | null; page?: number };
}

describe('a read with minRevision', () => {
  it.each(['', '/messages', '/participants', '/tools'])(
    'of a session%s sees what was written just before',
    async (part) => {
      const id = await start();
      for (let nth = 1; nth <= 10; nth += 1) {
        await command(id, 'message.post', { content: `${nth}`, messageId: `m${nth}` });
        await command(id, 'participant.join', { participantId: `p${nth}` });
        const { revision } = await command(id, 'tool.call', { callId: `t${nth}`, tool: 'x' });
        const found = await service.get<Record<string, unknown>>(
          `/api/sessions/${id}${part}?minRevision=${revision}`,
        );
        if (part === '') expect(found).toMatchObject({ revision, totalMessages: nth });
        else expect(found[part.slice(1)]).toHaveLength(nth);
      }
    },
  );

  it('says not-yet, to be retried, of a revision that is not written within the wait', async () => {
    const id = await start();
    const begun = performance.now();
    const answers = await Promise.all([
      service.request(`/api/sessions/${id}?minRevision=99`),
      service.request(`/api/sessions/nobody-started-this/messages?minRevision=0`),
    ]);
    const expected = { status: 504, code: 'not-yet', retry: true, field: 'minRevision' };
    expect(answers.map(refusalOf)).toEqual([expected, expected]);
    expect(answers.map(({ headers }) => headers.get('retry-after'))).toEqual(['1', '1']);
    expect(performance.now() - begun).toBeGreaterThan(4_500);
  });

  it('is answered as soon as the revision is written', async () => {
    const id = await start();
    const reading = service.request(`/api/sessions/${id}/messages?minRevision=1`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await command(id, 'message.post', { content: 'late' });
    const { status, body } = await reading;
    expect(status).toBe(200);
    expect((body as { messages: object[] }).messages).toMatchObject([{ content: 'late' }]);
  });

  it.each(['-1', '1.5', 'x', '', '99999999999'])('refuses %j by name', async (revision) => {
    const answer = await service.request(`/api/sessions/any?minRevision=${revision}`);
    expect(refusalOf(answer)).toEqual(invalid('minRevision'));
  });
});

describe('a message that is being written', () => {
  it('is read with the text it has, also when the session has gone on', async () => {
    const sessionId = await start();
    const ask = (type: string, data: object): Promise<CommandAnswer> =>
      command(sessionId, type, data);
    const textOf = async (messageId: string, minRevision: number): Promise<unknown> => {
      const path = `/api/sessions/${sessionId}/messages?limit=100&minRevision=${minRevision}`;
      const { messages } = await service.get<{ messages: MessageView[] }>(path);
      const { state, content } = messages.find((one) => one.messageId === messageId) ?? {};
      return { state, content };
    };
    for (const messageId of ['first', 'second']) await ask('message.start', { messageId });
    await ask('message.append', { messageId: 'first', index: 0, text: 'One, ' });
    const { revision } = await ask('message.append', { messageId: 'first', index: 1, text: 'two' });
    expect(await textOf('first', revision)).toEqual({ state: 'open', content: 'One, two' });
    expect(await textOf('second', revision)).toEqual({ state: 'open', content: '' });
    // More than a view holds.
    for (let nth = 0; nth < 60; nth += 1) await ask('message.post', { content: `${nth}` });
    await ask('message.append', { messageId: 'second', index: 0, text: 'late' });
    const last = await ask('message.append', { messageId: 'first', index: 2, text: '!' });
    expect(await textOf('first', last.revision)).toEqual({ state: 'open', content: 'One, two!' });
    expect(await textOf('second', last.revision)).toEqual({ state: 'open', content: 'late' });
    await ask('message.complete', { messageId: 'first' });
    const done = await ask('message.fail', { messageId: 'second', error: 'gone' });
    expect(await textOf('first', done.revision)).toEqual({
      ...{ state: 'complete', content: 'One, two!' },
    });
    expect(await textOf('second', done.revision)).toEqual({ state: 'failed', content: 'late' });
  });
});

describe('the tool calls of a session', () => {
  it('are read page by page in the order of the calls, with output and end', async () => {
    const id = await start();
    for (const callId of ['z', 'a', 'm']) {
      await command(id, 'tool.call', { callId, tool: 'search', input: { q: callId } });
    }
    await command(id, 'tool.output', { callId: 'a', text: 'one ' });
    await command(id, 'tool.output', { callId: 'a', text: 'two' });
    await command(id, 'tool.finish', { callId: 'a', exitCode: 0, durationMs: 12.5 });
    const { revision } = await command(id, 'tool.finish', { callId: 'z', exitCode: 3 });
    const path = `/api/sessions/${id}/tools?minRevision=${revision}`;
    const { tools, pagination } = await service.get<{ tools: object[]; pagination: object }>(path);
    expect(tools).toMatchObject([
      { id: 'z', state: 'failed', exitCode: 3, input: { q: 'z' } },
      { id: 'a', state: 'finished', exitCode: 0, output: 'one two', durationMs: 12.5 },
      { id: 'm', state: 'running', exitCode: null, output: '', finishedAt: null },
    ]);
    expect(pagination).toMatchObject({ page: 1, total: 3, next: null });
    const second = await service.get<{ tools: object[] }>(`${path}&limit=1&page=2`);
    expect(second.tools).toMatchObject([{ id: 'a' }]);
  });
});

describe('fields', () => {
  it('choose what is answered of each item', async () => {
    const id = await start({ name: 'Fields' });
    await command(id, 'participant.join', { participantId: 'p' });
    await command(id, 'tool.call', { callId: 't', tool: 'x' });
    const { revision } = await command(id, 'message.post', { content: 'c', messageId: 'm' });
    const get = (path: string, fields: string) =>
      service.get<Record<string, unknown>>(
        `/api/sessions/${id}${path}?minRevision=${revision}&fields=${fields}`,
      );
    expect(await get('', 'name,id')).toEqual({ id, name: 'Fields' });
    expect(await get('', 'participants')).toMatchObject({ participants: [{ id: 'p' }] });
    expect((await get('/messages', 'id,content')).messages).toEqual([{ id: 'm', content: 'c' }]);
    expect((await get('/participants', 'kind')).participants).toEqual([{ kind: 'user' }]);
    expect((await get('/tools', 'callId,tool')).tools).toEqual([{ callId: 't', tool: 'x' }]);
    const { sessions } = await service.get<Listed>('/api/sessions?fields=status&limit=1');
    expect(sessions).toEqual([{ status: 'ACTIVE' }]);
  });

  it('may name everything that an answer has', async () => {
    const id = await start();
    await command(id, 'participant.join', { participantId: 'p' });
    await command(id, 'tool.call', { callId: 't', tool: 'x' });
    const { revision } = await command(id, 'message.post', { content: 'c' });
    for (const part of ['', 'messages', 'participants', 'tools']) {
      const path = `/api/sessions/${id}/${part}`.replace(/\/$/, '');
      const found = await service.get<Record<string, object[]>>(`${path}?minRevision=${revision}`);
      const item = part === '' ? found : (found[part]?.[0] ?? {});
      const fields = Object.keys(item);
      expect(fields.length).toBeGreaterThan(10);
      const again = await service.get<Record<string, object[]>>(`${path}?fields=${fields.join()}`);
      expect(part === '' ? again : again[part]?.[0]).toEqual(item);
    }
  });

  it.each(['', 'name,', 'nam', 'constructor', '__proto__', 'name,secret'])(
    'are refused by name when there is no such field: %j',
    async (fields) => {
      const id = await start();
      for (const path of ['', `/${id}/messages`, `/${id}/participants`, `/${id}/tools`]) {
        const answer = await service.request(`/api/sessions${path}?fields=${fields}`);
        expect(refusalOf(answer)).toEqual(invalid('fields'));
      }
    },
  );
});

/** A cursor of the list of sessions as a client might make one up. */
const newestFirst = (...place: string[]): string => cursorOf(['started', 'desc', ...place]);

describe('a cursor', () => {
  it.each([
    ['/messages', 'messages', 'message.post', (nth: number) => ({ content: `${nth}` })],
    [
      '/participants',
      'participants',
      'participant.join',
      (nth: number) => ({ participantId: `p${nth}` }),
    ],
    ['/tools', 'tools', 'tool.call', (nth: number) => ({ tool: `${nth}` })],
  ])('of %s goes on where the page before it ended', async (path, part, type, data) => {
    const id = await start();
    let revision = 0;
    for (let nth = 0; nth < 7; nth += 1) ({ revision } = await command(id, type, data(nth)));
    type Part = Record<string, { id: string }[]> & { pagination: Listed['pagination'] };
    const all = await service.get<Part>(`/api/sessions/${id}${path}?minRevision=${revision}`);
    const ids: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor: string = next === '' ? '' : `&cursor=${next}`;
      const page: Part = await service.get<Part>(`/api/sessions/${id}${path}?limit=3${cursor}`);
      ids.push(...(page[part] ?? []).map((item) => item.id));
      expect(page.pagination.total).toBe(7);
      ({ next } = page.pagination);
    }
    expect(ids).toEqual(all[part]?.map((item) => item.id));
    expect(ids).toHaveLength(7);
  });

  it.each(['x', '', 'W10', 'bnVsbA', 'WyJhIl0', '%00'])(
    'that no list gave is refused by name: %j',
    async (cursor) => {
      const id = await start();
      for (const path of ['', `/${id}/messages`, `/${id}/participants`, `/${id}/tools`]) {
        const answer = await service.request(`/api/sessions${path}?cursor=${cursor}`);
        expect(refusalOf(answer)).toEqual(invalid('cursor'));
      }
    },
  );

  it('goes without a page, and is of bounded length', async () => {
    const long = await service.request(`/api/sessions?cursor=${'a'.repeat(5_000)}`);
    expect(refusalOf(long)).toEqual(invalid('cursor'));
    const cursor = newestFirst('a', 'b');
    expect((await service.request(`/api/sessions?cursor=${cursor}`)).status).toBe(200);
    const answer = await service.request(`/api/sessions?cursor=${cursor}&page=2`);
    expect(refusalOf(answer)).toEqual(invalid('cursor'));
  });

  it('may hold odd values, which are only compared', async () => {
    const odd = { [`';drop table sessions;--`]: 'x', '\u{1F680}': '%', '': 'y' };
    for (const place of Object.entries(odd)) {
      const path = `/api/sessions?cursor=${newestFirst(...place)}`;
      expect((await service.request(path)).status).toBe(200);
    }
    const nul = await service.request(`/api/sessions?cursor=${newestFirst('\0', 'x')}`);
    expect(refusalOf(nul)).toEqual(invalid('cursor'));
  });
});

describe('the list of sessions over HTTP', () => {
  it('is narrowed by state, labels, agent type, model and start, together', async () => {
    const mine = { labels: { suite: 'narrow', 'a:b': 'c:d' }, model: 'gpt-narrow' };
    const a = await start({ ...mine, name: 'a' });
    const b = await start({ name: 'b', labels: { suite: 'narrow' } });
    await command(a, 'session.set-state', { state: 'working' });
    await command(b, 'session.set-state', { state: 'working' });
    await command(b, 'session.set-state', { state: 'error' });
    await command(b, 'participant.join', {
      ...{ participantId: 'x', kind: 'agent', agentType: 'narrow-type', model: 'gpt-narrow' },
    });
    await service.caughtUp();
    const names = async (query: string): Promise<unknown[]> => {
      const { sessions } = await service.get<Listed>(`/api/sessions?${query}&fields=name`);
      return sessions.map(({ name }) => name);
    };
    expect(await names('label=suite:narrow')).toEqual(['b', 'a']);
    expect(await names('label=suite:narrow&state=working')).toEqual(['a']);
    expect(await names('label=suite:narrow&label=a:b%3Ac')).toEqual([]);
    expect(await names('label=suite:wide')).toEqual([]);
    expect(await names('label=suite:narrow&label=suite:wide')).toEqual([]);
    expect(await names('agentType=narrow-type')).toEqual(['b']);
    expect(await names('model=gpt-narrow')).toEqual(['b', 'a']);
    expect(await names('model=gpt-narrow&agentType=narrow-type&state=error')).toEqual(['b']);
    expect(await names('model=gpt-narrow&from=2020-01-01')).toEqual(['b', 'a']);
    expect(await names('model=gpt-narrow&to=2020-01-01T00:00:00%2B02:00')).toEqual([]);
  });

  it.each([
    ['state', 'sleeping'],
    ['label', 'nocolon'],
    ['label', ':value'],
    ['label', 'a:%00'],
    ['model', '%00'],
    ['agentType', '%00'],
    ['from', 'yesterday'],
    ['to', '2020-13-01'],
    ['wrong', 'x'],
  ])('refuses %s=%s by name', async (field, value) => {
    const answer = await service.request(`/api/sessions?${field}=${value}`);
    expect({ ...refusalOf(answer), field: refusalOf(answer).field?.split('.')[0] }).toEqual(
      invalid(field),
    );
  });
});
