import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  exportFormats,
  type ExportFormat,
  type KeyCreated,
  type SessionEvent,
} from '@playhead/contract';
import { browserPath, launchBrowser } from '../support/browser.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import {
  csvCells,
  exportPath,
  jsonLines,
  markdownParts,
  refusalOf,
  tagsIn,
} from '../support/exports.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { RunningService } from '../support/service.ts';

/* Whole sessions as files, whatever people and agents have written into them. */

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

const ask = (sessionId: string, type: string, data: object = {}): Promise<object> =>
  service.post(`/api/sessions/${encodeURIComponent(sessionId)}/commands/${type}`, data);

const exported = async (sessionId: string, format?: ExportFormat): Promise<string> => {
  const { status, text } = await service.request(exportPath(sessionId, format));
  if (status !== 200) throw new Error(`${status} ${text}`);
  return text;
};

const get = <Body>(sessionId: string, part: string): Promise<Body> =>
  service.get<Body>(`/api/sessions/${encodeURIComponent(sessionId)}${part}`);

/** A session in which every text is this one: of people, agents, models, errors. */
async function filledWith(text: string, sessionId: string = randomUUID()): Promise<string> {
  const agent = { agentType: text, agentName: text, model: text };
  await service.post('/api/sessions', {
    ...{ sessionId, name: text, mode: text, prompt: text, model: text, labels: { label: text } },
  });
  const { agentType, model } = agent;
  const participant = { participantId: 'p', kind: 'agent', name: text, agentType, model };
  await ask(sessionId, 'participant.join', participant);
  await ask(sessionId, 'message.post', { ...agent, messageId: 'm1', content: text, tokens: 5 });
  await ask(sessionId, 'message.start', { ...agent, messageId: 'm2' });
  await ask(sessionId, 'message.append', { messageId: 'm2', index: 0, text });
  await ask(sessionId, 'message.fail', { messageId: 'm2', error: text });
  await ask(sessionId, 'message.start', { ...agent, messageId: 'm3' });
  await ask(sessionId, 'message.append', { messageId: 'm3', index: 0, text });
  await ask(sessionId, 'session.raise-error', { message: text, kind: text });
  return sessionId;
}

const hostile = [
  `=cmd|' /C calc'!A0 "q", ` + '`x` ``` ' + '~~~',
  '```',
  '# Out **bold** [link](javascript:alert(1)) \u001b[31m',
  '`'.repeat(9),
  '</div></pre></style></title><script>document.title = "run"</script>',
  `<img src=x onerror="document.title='run'"> <!-- &amp; ]]> --`,
].join('\n');

describe('an export', () => {
  it.each(exportFormats)('is a download: %s', async (format) => {
    const sessionId = `plain.id-${format}`;
    await filledWith('plain', sessionId);
    const today = new Date().toISOString().slice(0, 10);
    const [type, extension] = {
      json: ['application/json', 'json'],
      markdown: ['text/markdown', 'md'],
      csv: ['text/csv', 'csv'],
      jsonl: ['application/x-ndjson', 'jsonl'],
      html: ['text/html', 'html'],
    }[format];
    for (const kind of ['session', 'conversation']) {
      const path = `/api/${kind}s/${sessionId}/export?format=${format}`;
      const { status, headers, text } = await service.request(path);
      expect([status, headers.get('content-type')]).toEqual([200, `${type}; charset=utf-8`]);
      expect(headers.get('content-disposition')).toBe(
        `attachment; filename="${kind}-${sessionId}-${today}.${extension}"`,
      );
      expect(headers.get('cache-control')).toBe('no-cache, no-store, must-revalidate');
      expect(text).toContain('plain');
      const head = await service.request(path, { method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
      expect(head.headers.get('content-disposition')).toBe(headers.get('content-disposition'));
    }
  });

  it('has a name that is safe, and another one for every session', async () => {
    const ids = ['a"/../b', 'a_/../b', 'ü 🚀; filename=x', "'"];
    const names: string[] = [];
    for (const id of ids) {
      await service.post('/api/sessions', { sessionId: id });
      const { headers } = await service.request(exportPath(id));
      const disposition = headers.get('content-disposition') ?? '';
      expect(disposition).toMatch(/^attachment; filename="session-[\w.-]+\.json"$/);
      names.push(disposition);
    }
    expect(new Set(names).size).toBe(ids.length);
  });

  it('is refused by name: the format, a parameter, the session, the scope', async () => {
    const id = await filledWith('x');
    const path = `/api/sessions/${id}/export`;
    const invalid = { status: 400, code: 'invalid' };
    for (const format of ['xml', '', 'JSON', 'json&format=csv']) {
      const answer = await service.request(`${path}?format=${format}`);
      expect(refusalOf(answer)).toEqual({ ...invalid, field: 'format' });
    }
    expect(refusalOf(await service.request(`${path}?page=1`))).toEqual({
      ...{ ...invalid, field: 'page' },
    });
    for (const format of exportFormats) {
      for (const unknown of ['nobody', '%00']) {
        const answer = await service.request(
          `/api/conversations/${unknown}/export?format=${format}`,
        );
        expect(refusalOf(answer)).toEqual({ status: 404, code: 'not-found', field: undefined });
      }
    }
    const body = JSON.stringify({ name: 'agents', scopes: ['ingest'] });
    const made = await service.request('/api/keys', { type: 'application/json', body });
    const { key } = made.body as KeyCreated;
    expect(refusalOf(await service.request(path, { key })).code).toBe('forbidden');
    expect((await service.request(path, { key: null })).status).toBe(401);
  });
});

describe('of a session full of hostile text', () => {
  let sessionId: string;

  beforeAll(async () => {
    sessionId = await filledWith(hostile);
    await service.caughtUp();
  });

  it('jsonl is what the log has, as it was committed', async () => {
    const { events } = await get<{ events: SessionEvent[] }>(sessionId, '/events?limit=1000');
    expect(events).toHaveLength(9);
    const kept = events.map(({ position: _, ...event }) => event);
    expect(jsonLines(await exported(sessionId, 'jsonl'))).toEqual(kept);
  });

  it('json is what the API answers', async () => {
    const text = await exported(sessionId);
    const { messages, participants, title, ...session } = JSON.parse(text) as {
      messages: { state: string; content: string }[];
      participants: object[];
      title: string;
    };
    const answered = await get<object>(sessionId, '');
    expect({ ...session, participants }).toEqual(answered);
    expect(messages).toEqual((await get<{ messages: object[] }>(sessionId, '/messages')).messages);
    expect(title).toBe(hostile);
    expect(messages.map(({ state }) => state)).toEqual(['complete', 'failed', 'open']);
    expect(messages.map(({ content }) => content)).toEqual([hostile, hostile, hostile]);
    expect(text).toBe(`${JSON.stringify(JSON.parse(text), undefined, 2)}\n`);
  });

  it('csv has cells that no spreadsheet calculates', async () => {
    const [head, ...rows] = csvCells(await exported(sessionId, 'csv'));
    expect(head?.join()).toBe(
      'Timestamp,Agent,Type,Model,Input Tokens,Output Tokens,Total Tokens,Cost,Duration (ms),' +
        'Content,Cache Read Tokens,Cache Write Tokens,Reasoning Tokens,Attachments',
    );
    const safe = `'${hostile.replaceAll('\n', ' ')}`;
    for (const row of rows) expect(row.slice(1, 4)).toEqual([safe, safe, safe]);
    expect(rows.map((row) => row.slice(4))).toEqual([
      ['', '', '5', '', '', safe, '', '', '', ''],
      ['', '', '', '', '', safe, '', '', '', ''],
      ['', '', '', '', '', safe, '', '', '', ''],
    ]);
    const beginnings = ['=1', '+1', '-1', '@a', '\t=1', '\r=1', ' \n=1', '＝1', 'a=1', ' 1'];
    const id = randomUUID();
    await service.post('/api/sessions', { sessionId: id });
    for (const content of beginnings) await ask(id, 'message.post', { content });
    const cells = csvCells(await exported(id, 'csv')).slice(1);
    expect(cells.map((row) => row[9])).toEqual([
      ...["'=1", "'+1", "'-1", "'@a", "'\t=1", "' =1", "'  =1", "'＝1", 'a=1', ' 1'],
    ]);
  });

  it('markdown has a structure that no text changes', async () => {
    const { lines, blocks } = markdownParts(await exported(sessionId, 'markdown'));
    const visible = hostile.replace('\u001b', '␛');
    expect(blocks).toEqual([visible, visible, visible, visible]);
    const same = markdownParts(await exported(await filledWith('plain'), 'markdown'));
    const plain = (line: string): string => line.replace(/^(#+ |- )?.*$/, '$1');
    expect(lines.map(plain)).toEqual(same.lines.map(plain));
    const unescaped = lines.map((line) => line.replace(/\\./g, '').replace(/\*\*[^*]*\*\*/g, ''));
    expect(unescaped.filter((line) => /[`<[*~&]|\u001b/.test(line))).toEqual([]);
  });

  it('html has no tag but its own, and a policy that forbids scripts', async () => {
    const text = await exported(sessionId, 'html');
    const plain = await exported(await filledWith('plain'), 'html');
    expect(tagsIn(text)).toEqual(tagsIn(plain));
    expect(tagsIn(text).filter((tag) => /script|<img|<a |src=| on\w+=/i.test(tag))).toEqual([]);
    expect(text).toMatch(
      /http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;/,
    );
    expect(text).toContain('@media print');
    expect(text).not.toContain('\u001b');
  });

  (browserPath ? it : it.skip)('html is shown by a browser as it was written', async () => {
    const folder = await temporaryFolder();
    const file = join(folder, 'session.html');
    await writeFile(file, await exported(sessionId, 'html'));
    const browser = await launchBrowser();
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => complaints.push(message.text()));
    await page.goto(pathToFileURL(file).href);
    const visible = hostile.replace('\u001b', '␛');
    const texts = await page.locator('.text').allTextContents();
    expect(texts).toEqual([visible, visible, visible, visible]);
    expect(await page.title()).toBe(visible.replace(/\s+/g, ' '));
    // Its own style has passed the policy.
    const style = "getComputedStyle(document.querySelector('.text')).whiteSpace";
    expect(await page.evaluate(style)).toBe('pre-wrap');
    expect(complaints).toEqual([]);
    await browser.close();
    await rm(folder, { recursive: true });
  });
});

it('what AgentPipe summed up is shown, and cannot change the file either', async () => {
  const id = randomUUID();
  const timestamp = '2026-01-01T00:00:00Z';
  const summary = { text: hostile };
  for (const [type, more] of [
    ['conversation.started', { mode: hostile, initial_prompt: hostile, participants: [] }],
    ['conversation.completed', { status: 'completed', summary }],
  ] as const) {
    const data = { conversation_id: id, ...more };
    const { status } = await service.ingest(JSON.stringify({ type, timestamp, data }));
    expect(status).toBeLessThan(300);
  }
  const visible = hostile.replace('\u001b', '␛');
  const { lines, blocks } = markdownParts(await exported(id, 'markdown'));
  expect(blocks).toEqual([visible, visible]);
  expect(lines).toContain('## AI Summary');
  expect((await exported(id, 'html')).match(/<\/?script/g)).toBeNull();
  expect(JSON.parse(await exported(id))).toMatchObject({ summaryText: hostile });
});

it('a session without messages is exported in every format', async () => {
  const id = randomUUID();
  await service.post('/api/sessions', { sessionId: id });
  expect(JSON.parse(await exported(id))).toMatchObject({ messages: [], participants: [] });
  expect(jsonLines(await exported(id, 'jsonl'))).toHaveLength(1);
  expect(csvCells(await exported(id, 'csv'))).toHaveLength(1);
  expect(markdownParts(await exported(id, 'markdown')).blocks).toEqual([]);
  expect(await exported(id, 'html')).toMatch(/<\/html>\n$/);
});
