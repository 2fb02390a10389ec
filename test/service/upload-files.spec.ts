import { randomUUID } from 'node:crypto';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { dataFile } from '../support/samples.ts';
import { ingestKey, RunningService } from '../support/service.ts';
import { transcript } from '../support/transcripts.ts';

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

describe('an upload of files', () => {
  const form = (files: Record<string, string>): FormData => {
    const data = new FormData();
    for (const [name, content] of Object.entries(files)) {
      data.append('files', new Blob([content]), name);
    }
    return data;
  };
  const post = async (body: FormData) => {
    const answer = await fetch(`${service.url}/api/upload`, {
      ...{ method: 'POST', headers: { authorization: `Bearer ${ingestKey}` }, body },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };

  it('has a result for each of them', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const { status, body } = await post(
      form({
        'one.jsonl': transcript(one, 4).join('\n'),
        'photo.png': 'no session',
        'two.jsonl': transcript(two, 2).join('\n'),
        'chat.log': dataFile('agentpipe-chat.log'),
      }),
    );
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        files: [
          { name: 'one.jsonl', result: { imported: 7, sessionIds: [one] } },
          { name: 'photo.png', refusal: { code: 'invalid' } },
          { name: 'two.jsonl', result: { imported: 4, sessionIds: [two] } },
          { name: 'chat.log', result: { format: 'AgentPipe chat log' } },
        ],
      },
    });
  });

  it('is refused without files, and as anything but a form', async () => {
    expect(await post(form({}))).toMatchObject({ status: 400, body: { field: 'files' } });
    const answer = await service.request('/api/upload', { type: 'application/json', body: '{}' });
    expect(answer.status).toBe(415);
  });
});
