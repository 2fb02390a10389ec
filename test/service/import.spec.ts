import { randomUUID } from 'node:crypto';
import type { ImportLine, SessionEvent } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { jsonLines, refusalOf } from '../support/exports.ts';
import { jsonLines as fileOf } from '../support/imports.ts';
import { repeats } from '../support/repeats.ts';
import { dataFile } from '../support/samples.ts';
import { importFile, sendFile, transcript } from '../support/transcripts.ts';
import { ingestKey, RunningService } from '../support/service.ts';
import { eventsOf } from '../support/uploading.ts';

/* Files with whole sessions by `POST /api/import`: what comes of them, whole, cut and repeated. */

let database: TestDatabase;
let service: RunningService;

beforeAll(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
}, 60_000);

afterAll(async () => {
  await service.stop();
  await database.drop();
});

const imported = (body: string | Buffer, query?: string) => importFile(service, body, query);

interface Totals {
  readonly messages: number;
  readonly toolCalls: number;
  readonly tokens: number;
  readonly costNano: number;
}
const counted = async (sessionId: string): Promise<Totals> =>
  (await service.get<{ counted: Totals }>(`/api/sessions/${sessionId}`)).counted;

const withoutTimes = (events: readonly SessionEvent[]) =>
  events.map(({ type, data }) => ({ type, data }));

describe('an import', () => {
  it('has a transcript in list, detail, messages, tools and search at once', async () => {
    const id = randomUUID();
    const result = await imported(transcript(id, 10).join('\n'), '?name=a.jsonl&as=team:blue');
    expect(result).toMatchObject({
      ...{ name: 'a.jsonl', format: 'Claude Code transcript', sessions: 1, sessionIds: [id] },
      ...{ entries: 16, imported: 16, alreadyThere: 0, unreadable: 0 },
    });
    expect(await counted(id)).toMatchObject({
      messages: 10,
      toolCalls: 5,
      tokens: 1 + 3 + 5 + 7 + 9 + 5,
    });
    const session = await service.get<Record<string, unknown>>(`/api/sessions/${id}`);
    expect(session).toMatchObject({
      ...{ source: 'import', initialPrompt: 'Question 0 naïve 🎉', labels: { team: 'blue' } },
      startedAt: '2026-01-01T00:00:00.000000000Z',
    });
    const { tools } = await service.get<{ tools: unknown[] }>(`/api/sessions/${id}/tools`);
    expect(tools).toHaveLength(5);
  });

  it('repeated adds nothing, and a longer file what is new', async () => {
    const id = randomUUID();
    const lines = transcript(id, 40);
    expect(await imported(lines.slice(0, 20).join('\n'))).toMatchObject({ imported: 31 });
    const half = await eventsOf(service, id);
    expect(await imported(lines.slice(0, 20).join('\n'))).toMatchObject({
      imported: 0,
      alreadyThere: 31,
    });
    expect(await eventsOf(service, id)).toEqual(half);
    expect(await imported(lines.join('\n'))).toMatchObject({ imported: 30, alreadyThere: 31 });
    const grown = await eventsOf(service, id);
    const other = randomUUID();
    await imported(lines.join('\n').replaceAll(id, other));
    const whole = await eventsOf(service, other);
    expect(JSON.stringify(withoutTimes(grown)).replaceAll(id, other)).toBe(
      JSON.stringify(withoutTimes(whole)),
    );
  });

  it('of a file cut at every byte of its last kilobyte, then whole, has each thing once', async () => {
    const id = randomUUID();
    const file = Buffer.from(`${transcript(id, 12).join('\n')}\n`);
    const step = repeats({ few: 13, all: 1 });
    for (let length = file.length - 1_024; length < file.length; length += step) {
      const { status } = await sendFile(service, file.subarray(0, length));
      expect(status).toBe(200);
    }
    await imported(file);
    expect(await counted(id)).toMatchObject({ messages: 12, toolCalls: 6, tokens: 36 + 6 });
    const events = await eventsOf(service, id);
    expect(new Set(events.map(({ meta }) => meta.commandId)).size).toBeGreaterThanOrEqual(19);
  }, 240_000);

  it('of one row a thousand times has it once', async () => {
    const id = randomUUID();
    const [first = '', second = ''] = transcript(id, 2);
    const result = await imported([first, ...Array<string>(5_000).fill(second)].join('\n'));
    expect(result.imported).toBe(4);
    expect(await counted(id)).toMatchObject({ messages: 2, toolCalls: 1, tokens: 2 });
  });

  it('keeps a second row of the same id beside the first', async () => {
    const id = randomUUID();
    const row = (content: string) => ({
      ...{ type: 'user', sessionId: id, uuid: `u ${id}`, message: { role: 'user', content } },
    });
    const file = fileOf(row('echo'), row('echo, and what was meant'));
    await imported(file);
    const again = await imported(file);
    expect(again.imported).toBe(0);
    const events = await eventsOf(service, id);
    const messages = events.filter(({ type }) => type === 'message.posted');
    expect(messages.map(({ data }) => (data as { content: string }).content)).toEqual([
      'echo',
      'echo, and what was meant',
    ]);
  });

  it('fills the gaps of a live stream that broke', async () => {
    const id = randomUUID();
    const file = dataFile('agentpipe-events-local.jsonl').replaceAll(
      '5a038330-fb2a-4067-9696-cd472c15efd5',
      id,
    );
    const lines = file
      .trim()
      .split('\n')
      .filter((line) => line.includes(id));
    for (const line of lines.filter((_, nth) => nth % 3 !== 1)) {
      const { status } = await service.request('/api/ingest', {
        ...{ type: 'application/json', body: line, key: ingestKey },
      });
      expect([200, 201]).toContain(status);
    }
    const result = await imported(file);
    expect(result.alreadyThere).toBe(lines.filter((_, nth) => nth % 3 !== 1).length);
    const messages = lines.filter((line) => line.includes('"message.created"')).length;
    expect(await counted(id)).toMatchObject({ messages });
    expect(await imported(file)).toMatchObject({ imported: 0 });
  });

  it('stores nothing in a dry run', async () => {
    const id = randomUUID();
    expect(await imported(transcript(id, 4).join('\n'), '?dryRun=true')).toMatchObject({
      ...{ entries: 7, imported: 0, sessions: 1 },
    });
    expect((await service.request(`/api/sessions/${id}`)).status).toBe(404);
  });

  it('names every line that it could not read, and takes the others', async () => {
    const id = randomUUID();
    const lines = transcript(id, 4);
    lines.splice(1, 0, '{"type":"us', 'null');
    const result = await imported(lines.join('\n'));
    expect(result).toMatchObject({ unreadable: 2, imported: 7 });
    expect(result.faults.map(({ line }) => line)).toEqual([2, 3]);
  });

  it.each([
    [
      'of no known format',
      '{"weather":"fine"}',
      '',
      { status: 400, code: 'invalid', field: 'body' },
    ],
    ['that is empty', '', '', { status: 400, code: 'invalid', field: 'body' }],
    ['with a wrong label', 'x', '?as=blue', { status: 400, code: 'invalid', field: 'as' }],
    ['with an unknown parameter', 'x', '?dry=1', { status: 400, code: 'invalid', field: 'dry' }],
  ])('of a file %s is refused', async (_what, body, query, refusal) => {
    expect(refusalOf(await sendFile(service, body, query))).toEqual(refusal);
  });

  it('sends its progress to who asks for it', async () => {
    const file = transcript(randomUUID(), 2_000).join('\n');
    const { text } = await service.request('/api/import', {
      ...{ type: 'text/plain', body: file, headers: { accept: 'application/x-ndjson' } },
    });
    const lines = jsonLines<ImportLine>(text);
    expect(lines.at(-1)).toMatchObject({ result: { imported: 3_001 } });
    expect(lines.slice(0, -1).every((line) => 'progress' in line)).toBe(true);
  });
});
