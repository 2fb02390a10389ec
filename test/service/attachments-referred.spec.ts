import { createHash } from 'node:crypto';
import type { Attachment, KeyCreated, MessageView, Scope, ToolView } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { exportPath, jsonLines } from '../support/exports.ts';
import { query } from '../support/postgres-process.ts';
import { RunningService, type Answer } from '../support/service.ts';

/* Sessions refer to attachments, and say who may read them. */

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

const sha256 = (bytes: string): string => createHash('sha256').update(bytes).digest('hex');
const pathOf = (hash: string): string => `/api/attachments/${hash}`;

const keyOf = async (...scopes: Scope[]): Promise<string> =>
  (await service.post<KeyCreated>('/api/keys', { name: scopes.join(' '), scopes })).key;

const put = (body: string, key?: string): Promise<Answer> =>
  service.request(pathOf(sha256(body)), {
    ...{ method: 'PUT', type: 'text/plain', body, ...(key && { key }) },
  });

const refusalOf = ({ status, body }: Answer) => {
  const { code, field } = body as { code: string; field?: string };
  return { status, code, field };
};

const ask = (id: string, type: string, data: object): Promise<{ revision: number }> =>
  service.post(`/api/sessions/${id}/commands/${type}`, data);

const attachmentOf = (body: string, more: Partial<Attachment> = {}): Attachment => ({
  ...{ hash: sha256(body), type: 'text/plain', bytes: Buffer.byteLength(body), ...more },
});

describe('sessions', () => {
  it('refer to what is stored, in views, lists and files, and to nothing else', async () => {
    const [page, log] = ['a page', 'what the tool said'];
    await service.post('/api/sessions', { sessionId: 'refers' });
    const head = await service.head();
    const path = '/api/sessions/refers/commands/message.post';
    const dangling = { content: 'x', attachments: [attachmentOf('never put')] };
    const refused = await service.request(path, {
      ...{ type: 'application/json', body: JSON.stringify(dangling) },
    });
    const field = 'attachments.0.hash';
    expect(refusalOf(refused)).toEqual({ status: 400, code: 'invalid', field });
    expect(await service.head()).toBe(head);

    await put(page);
    await put(log);
    const shown = attachmentOf(page, { name: 'page.png', preview: 'a picture' });
    await ask('refers', 'message.post', { messageId: 'm', content: 'x', attachments: [shown] });
    await ask('refers', 'tool.call', { callId: 'c', tool: 'sh' });
    const output = { callId: 'c', text: 'see', attachments: [attachmentOf(log), shown] };
    const { revision } = await ask('refers', 'tool.output', output);
    const part = (name: string): string => `/api/sessions/refers/${name}?minRevision=${revision}`;
    const { messages } = await service.get<{ messages: MessageView[] }>(part('messages'));
    expect(messages[0]?.attachments).toEqual([shown]);
    const { tools } = await service.get<{ tools: ToolView[] }>(part('tools'));
    expect(tools[0]?.attachments).toEqual([attachmentOf(log), shown]);
    const lines = jsonLines<{ data: { attachments?: Attachment[] } }>(
      (await service.request(exportPath('refers', 'jsonl'))).text,
    );
    expect(lines.flatMap(({ data }) => data.attachments ?? [])).toHaveLength(3);
    for (const format of ['markdown', 'html', 'csv', 'json'] as const) {
      expect((await service.request(exportPath('refers', format))).text).toContain(sha256(page));
    }
  });

  it('say who may read: with read what one refers to, who writes what nobody does yet', async () => {
    const keys = {
      read: await keyOf('read'),
      write: await keyOf('write'),
      ingest: await keyOf('ingest'),
      audit: await keyOf('audit'),
    };
    const statuses = async (hash: string): Promise<Record<string, number>> => {
      const asked = Object.entries(keys).map(async ([name, key]) => [
        name,
        (await service.request(pathOf(hash), { key })).status,
      ]);
      return Object.fromEntries(await Promise.all(asked)) as Record<string, number>;
    };
    const hash = sha256('mine');
    expect(refusalOf(await put('mine', keys.read))).toMatchObject({ status: 403 });
    expect((await put('mine', keys.ingest)).status).toBe(201);
    expect(await statuses(hash)).toEqual({ read: 404, write: 200, ingest: 200, audit: 403 });
    expect(await statuses(sha256('nobody put this'))).toEqual({
      ...{ read: 404, write: 404, ingest: 404, audit: 403 },
    });
    await service.post('/api/sessions', { sessionId: 'owns' });
    await ask('owns', 'message.post', { content: 'x', attachments: [attachmentOf('mine')] });
    // At once, as a viewer does that has the event before the read models have it.
    const seen = await service.request(pathOf(hash), { key: keys.read });
    expect(seen.status).toBe(200);
    expect(await statuses(hash)).toEqual({ read: 200, write: 404, ingest: 404, audit: 403 });
    expect((await service.request(pathOf(hash), { key: null })).status).toBe(401);
  });

  it('keep what a repeated command refers to, and ask for it once', async () => {
    await service.post('/api/sessions', { sessionId: 'again' });
    await put('again');
    const path = '/api/sessions/again/commands/message.post';
    const body = JSON.stringify({ content: 'x', attachments: [attachmentOf('again')] });
    const headers = { 'idempotency-key': 'k1' };
    const options = { type: 'application/json', body, headers };
    const first = await service.request(path, options);
    expect(first).toMatchObject({ status: 200, body: { appended: true } });
    await query(database.url, `delete from attachments where hash = '${sha256('again')}'`);
    const second = await service.request(path, options);
    expect(second).toMatchObject({ status: 200, body: { appended: false } });
  });
});
