import { randomUUID } from 'node:crypto';
import type { ImportResult } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { exportPath } from '../support/exports.ts';
import { ingestKey, RunningService } from '../support/service.ts';
import { importFile, sendFile, transcript } from '../support/transcripts.ts';
import { eventsOf } from '../support/uploading.ts';

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

describe('an export as JSONL', () => {
  it('imported elsewhere is the same session to the last byte', async () => {
    const id = randomUUID();
    await importFile(service, transcript(id, 300).join('\n'));
    const { text } = await service.request(exportPath(id, 'jsonl'));
    const elsewhere = await freshDatabase();
    const other = await RunningService.start({ DATABASE_URL: elsewhere.url });
    try {
      const ask = (body: string) =>
        other.request('/api/import', { type: 'application/x-ndjson', body });
      // First a part, as where the first import broke off.
      const part = text.split('\n').slice(0, 100).join('\n');
      expect((await ask(part)).body).toMatchObject({ imported: 100, unreadable: 0 });
      expect((await ask(text)).body).toMatchObject({ imported: 353, alreadyThere: 100 });
      expect((await other.request(exportPath(id, 'jsonl'))).text).toBe(text);
      expect((await ask(text)).body).toMatchObject({ imported: 0, alreadyThere: 453 });
      // It goes on as any session of its kind.
      await other.request('/api/import', {
        body: transcript(id, 302).join('\n'),
        type: 'text/plain',
      });
      expect(await eventsOf(other, id)).toHaveLength(456);
    } finally {
      await other.stop();
      await elsewhere.drop();
    }
  }, 120_000);

  it('is refused where it would change what is there, and needs a key with scope admin', async () => {
    const id = randomUUID();
    await importFile(service, transcript(id, 4).join('\n'));
    const { text } = await service.request(exportPath(id, 'jsonl'));
    const changed = text.replaceAll(/"id":"[0-9a-f]{8}/g, '"id":"00000000');
    const result = await importFile(service, changed);
    expect(result).toMatchObject({ imported: 0 });
    expect(result.faults[0]?.reason).toBe('the session has another event at revision 0');
    const gap = text.split('\n').slice(1).join('\n').replaceAll(id, randomUUID());
    expect((await importFile(service, gap)).faults[0]?.reason).toMatch(/events are missing/);
    const { body } = await sendFile(service, text, '', ingestKey);
    expect((body as ImportResult).faults[0]?.reason).toMatch(/scope admin/);
  });
});
