import type { CommandAnswer, SearchAnswer } from '@playhead/contract';
import fc from 'fast-check';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { findable } from '../support/findable.ts';
import { RunningService } from '../support/service.ts';

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

const post = (path: string, data: unknown) =>
  service.request(path, { body: JSON.stringify(data), type: 'application/json' });

const start = async (data: object = {}): Promise<string> =>
  ((await post('/api/sessions', data)).body as CommandAnswer).sessionId;

const say = async (id: string, content: string, more: object = {}): Promise<void> => {
  const { status } = await post(`/api/sessions/${id}/commands/message.post`, { content, ...more });
  expect(status).toBe(200);
};

const search = async (body: object): Promise<SearchAnswer> => {
  const answer = await post('/api/search', body);
  if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
  return answer.body as SearchAnswer;
};

/** The marked pieces of each snippet. */
const marked = ({ results }: SearchAnswer): string[][] =>
  results.map(({ snippet: { text, highlights } }) =>
    highlights.map(([from, length]) => text.slice(from, from + length)),
  );

describe('search over HTTP', () => {
  it('finds words in names, prompts and messages, the newest first, and marks them', async () => {
    const named = await start({ name: 'A Quokka in the name' });
    const prompted = await start({ name: 'other', prompt: 'Why do quokkas smile?' });
    const said = await start({ name: 'third' });
    await say(said, 'nothing of interest');
    await say(said, `${'so '.repeat(100)}the QUOKKA, who else`, {
      messageId: 'q',
      agentName: 'Bo',
    });
    await service.caughtUp();
    const found = await search({ query: 'quokka' });
    expect(found.truncated).toBe(false);
    expect(found.results).toMatchObject([
      { sessionId: said, name: 'third', matched: 'message', messageId: 'q', agentName: 'Bo' },
      { sessionId: prompted, name: 'other', matched: 'prompt', status: 'ACTIVE' },
      { sessionId: named, matched: 'name' },
    ]);
    expect(found.results[0]?.snippet.text).toMatch(/^….*QUOKKA, who else$/s);
    expect(marked(found)).toEqual([['QUOKKA'], ['quokkas'], ['Quokka']]);
  });

  it('wants all words, wherever they are, and folds umlauts', async () => {
    const id = await start({ name: 'Grüße' });
    await say(id, 'Ein ÄRGER über Öl', { messageId: 'm1' });
    await say(id, 'Ärger ohne', { messageId: 'm2' });
    await service.caughtUp();
    const both = await search({ query: 'öl ärger' });
    expect(both.results.map(({ messageId }) => messageId)).toEqual(['m1']);
    expect(marked(both)).toEqual([['ÄRGER', 'Öl']]);
    for (const query of ['GRÜSSE', 'grüße', 'gruss']) {
      expect(marked(await search({ query }))).toEqual([['Grüße']]);
    }
  });

  it.each(findable)('finds %j by what people type', async (content, ...queries) => {
    const id = await start();
    await say(id, content, { messageId: 'm' });
    await service.caughtUp();
    for (const query of queries) {
      const found = await search({ query, limit: 50 });
      const ours = found.results.filter(({ sessionId }) => sessionId === id);
      expect({ query, ours }).toMatchObject({ ours: [{ matched: 'message', messageId: 'm' }] });
      expect(ours[0]?.snippet.highlights.length).toBeGreaterThan(0);
    }
  });

  it('finds tool calls by name, input and output, while they run and after', async () => {
    const id = await start({ name: 'with tools' });
    const command = (type: string, data: object) =>
      post(`/api/sessions/${id}/commands/${type}`, { callId: 'c1', ...data });
    await command('tool.call', {
      ...{ tool: 'run_shell', input: { command: 'npm run build:zebra', env: { LANG: 'xx_ZZ' } } },
    });
    await command('tool.output', { text: 'compiling armadi' });
    await command('tool.output', { text: 'llo.ts …\nTS2304: cannot find pangolin' });
    await service.caughtUp();
    const hit = { sessionId: id, matched: 'tool', callId: 'c1', tool: 'run_shell' };
    for (const query of ['run_shell', 'build:zebra', 'xx_ZZ', 'armadillo.ts', '"find pangolin"']) {
      expect({ query, ...(await search({ query })) }).toMatchObject({ results: [hit] });
    }
    expect(marked(await search({ query: 'armadillo.ts' }))).toEqual([['armadillo.ts']]);
    await command('tool.finish', { exitCode: 2, error: 'wolverine' });
    await command('tool.output', { text: 'marmoset' });
    await service.caughtUp();
    expect((await search({ query: 'pangolin' })).results).toMatchObject([hit]);
    expect((await search({ query: 'wolverine' })).results).toMatchObject([hit]);
    expect((await search({ query: 'marmoset' })).results).toEqual([]);
  });

  it('finds a session by its new name and no longer by the old one', async () => {
    const id = await start({ name: 'Old capybara', prompt: 'keep the tapir' });
    await post(`/api/sessions/${id}/commands/session.rename`, { name: 'New ocelot' });
    await say(id, 'unlike the name', { messageId: 'm' });
    await service.caughtUp();
    expect((await search({ query: 'capybara' })).results).toEqual([]);
    expect((await search({ query: 'ocelot' })).results).toMatchObject([{ matched: 'name' }]);
    const both = await search({ query: 'ocelot tapir' });
    expect(both.results).toMatchObject([{ sessionId: id, matched: 'prompt' }]);
  });

  it('is narrowed by status, source, agent type and time, and bounded by a limit', async () => {
    const ended = await start({ name: 'wombat one' });
    const open = await start({ name: 'wombat two' });
    for (const id of [ended, open]) await say(id, 'a wombat digs');
    await post(`/api/sessions/${open}/commands/participant.join`, {
      ...{ participantId: 'p', kind: 'agent', agentType: 'digger' },
    });
    await post(`/api/sessions/${ended}/commands/session.end`, {});
    await service.caughtUp();
    const ids = async (filters: object): Promise<string[]> => {
      const { results } = await search({ query: 'wombat', filters });
      return [...new Set(results.map(({ sessionId }) => sessionId))].sort();
    };
    expect(await ids({})).toEqual([ended, open].sort());
    expect(await ids({ status: ['COMPLETED'] })).toEqual([ended]);
    expect(await ids({ status: ['COMPLETED', 'ACTIVE'] })).toHaveLength(2);
    expect(await ids({ source: ['api'] })).toHaveLength(2);
    expect(await ids({ source: ['web', 'import'] })).toEqual([]);
    expect(await ids({ agentTypes: ['digger', 'other'] })).toEqual([open]);
    expect(await ids({ from: '2020-01-01' })).toHaveLength(2);
    expect(await ids({ to: '2020-01-01' })).toEqual([]);
    const three = await search({ query: 'wombat', limit: 3 });
    expect(three).toMatchObject({ truncated: true, results: { length: 3 } });
    expect(await search({ query: 'wombat', limit: 4 })).toMatchObject({ truncated: false });
  });

  it.each([
    ['query', {}],
    ['query', { query: '' }],
    ['query', { query: '  \n ' }],
    ['query', { query: 7 }],
    ['query', { query: 'x'.repeat(10_000) }],
    ['query', { query: 'a b '.repeat(20) }],
    ['limit', { query: 'x', limit: 0 }],
    ['limit', { query: 'x', limit: 1e9 }],
    ['filters.status.0', { query: 'x', filters: { status: ['NOPE'] } }],
    ['filters.from', { query: 'x', filters: { from: 'now' } }],
    ['filters.agentTypes', { query: 'x', filters: { agentTypes: [] } }],
  ])('refuses a wrong %s by name', async (field, body) => {
    const { status, body: problem } = await post('/api/search', body);
    expect({ status, ...(problem as object) }).toMatchObject({
      status: 400,
      code: 'invalid',
      field,
    });
  });

  it('answers whatever is typed, and needs a key that may read', async () => {
    await say(
      await start({ name: `it's "100%" \\ done_ (yes) & | ! <-> :*` }),
      `'); drop table messages;--`,
    );
    await service.caughtUp();
    const odd = fc.string({
      unit: fc.oneof(
        fc.constantFrom(...`'"\\%_&|!<>():*-$;/?@.,`, ' ', '\0', '\uD800', '\uDC00', 'ü', '🚀'),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      ),
      minLength: 1,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(odd, async (query) => {
        const { status, body } = await post('/api/search', { query });
        expect([200, 400]).toContain(status);
        if (status === 400) expect(body).toMatchObject({ code: 'invalid', field: 'query' });
      }),
      { numRuns: 300 },
    );
    for (const query of [`it's`, '"100%"', 'done_', '(yes)']) {
      expect((await search({ query })).results).toMatchObject([{ matched: 'name' }]);
    }
    for (const query of ['\\', ':*', '""']) {
      expect(await search({ query })).toEqual({ results: [], truncated: false });
    }
    expect((await search({ query: 'DROP table' })).results).toMatchObject([{ matched: 'message' }]);
    expect((await service.request('/api/search', { key: null, body: '{}' })).status).toBe(401);
  }, 60_000);
});
