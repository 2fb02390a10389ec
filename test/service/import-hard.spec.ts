import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import type { ImportResult } from '@playhead/contract';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { repeats } from '../support/repeats.ts';
import { adminKey, RunningService } from '../support/service.ts';
import { importFile, transcript } from '../support/transcripts.ts';
import { eventsOf } from '../support/uploading.ts';

/* Files as they are in the wild: gigabytes of one line, an image in a line, a service that dies. */

let database: TestDatabase;
let service: RunningService;

beforeEach(async () => {
  database = await freshDatabase();
  service = await RunningService.start({ DATABASE_URL: database.url });
}, 60_000);

afterEach(async () => {
  await service.stop();
  await database.drop();
});

const memory = (): number => {
  const status = readFileSync(`/proc/${service.process.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1_024;
};

/** Sends pieces as fast as they are taken. */
async function sent(pieces: Iterable<Buffer>): Promise<ImportResult> {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'text/plain' };
  const asked = request(`${service.url}/api/import`, { method: 'POST', headers });
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  for (const piece of pieces) if (!asked.write(piece)) await once(asked, 'drain');
  asked.end();
  const [answer] = await answered;
  return JSON.parse(await text(answer)) as ImportResult;
}

describe('an import', () => {
  (process.platform === 'linux' ? it : it.skip)(
    'of one line many times takes the same memory, however often it is there',
    async () => {
      const [first = '', second = ''] = transcript(randomUUID(), 2);
      const line = `${second.slice(0, -1)},"padding":"${'x'.repeat(20_000)}"}\n`;
      const piece = Buffer.from(line.repeat(50));
      await importFile(service, first);
      /** The most memory that the service takes while it imports a file of so many megabytes. */
      const mostDuring = async (megabytes: number): Promise<number> => {
        let most = 0;
        const watching = setInterval(() => (most = Math.max(most, memory())), 20);
        const result = await sent(Array<Buffer>(megabytes).fill(piece));
        clearInterval(watching);
        expect(result).toMatchObject({ unreadable: 0, entries: megabytes * 50 * 2 + 1 });
        return most;
      };
      // The heap grows until it suits the work, and then stays, however large the file is.
      const small = await mostDuring(100);
      const large = await mostDuring(300);
      expect(large - small).toBeLessThan(75 * 1024 * 1024);
    },
    600_000,
  );

  it('keeps a pasted image of 11 MB beside its message and not in it', async () => {
    const id = randomUUID();
    const image = randomBytes(8 * 1024 * 1024);
    const source = { type: 'base64', media_type: 'image/png', data: image.toString('base64') };
    const row = {
      ...{ type: 'user', sessionId: id, uuid: randomUUID() },
      message: {
        role: 'user',
        content: [
          { type: 'text', text: 'See' },
          { type: 'image', source },
        ],
      },
    };
    const result = await importFile(service, JSON.stringify(row));
    expect(result).toMatchObject({ imported: 2, unreadable: 0 });
    const events = await eventsOf(service, id);
    const posted = events.find(({ type }) => type === 'message.posted');
    expect(posted?.data).toMatchObject({
      content: 'See',
      attachments: [{ type: 'image/png', bytes: image.length }],
    });
    const { attachments } = posted?.data as { attachments: [{ hash: string }] };
    const headers = { authorization: `Bearer ${adminKey}` };
    const url = `${service.url}/api/attachments/${attachments[0].hash}`;
    const answer = await fetch(url, { headers });
    expect(answer.headers.get('content-type')).toBe('image/png');
    expect(Buffer.from(await answer.arrayBuffer()).equals(image)).toBe(true);
  });

  it('cuts what is too long for a message, and keeps it whole as a file', async () => {
    const id = randomUUID();
    const content = '🎉'.repeat(150_000);
    const rows = [
      { type: 'user', sessionId: id, uuid: 'u', message: { role: 'user', content } },
      {
        ...{ type: 'user', sessionId: id, uuid: 'v', toolUseResult: { stdout: content } },
        message: {
          role: 'user',
          content: [{ type: 'tool_result', tool_use_id: 't', content }],
        },
      },
    ];
    const file = rows.map((row) => JSON.stringify(row)).join('\n');
    expect(await importFile(service, file)).toMatchObject({ unreadable: 0 });
    const events = await eventsOf(service, id);
    const of = (type: string) => events.find((event) => event.type === type)?.data;
    const cut = { bytes: 600_000, type: 'text/plain; charset=utf-8' };
    expect(of('message.posted')).toMatchObject({ attachments: [{ ...cut, name: 'message.txt' }] });
    expect((of('message.posted') as { content: string }).content).toBe('🎉'.repeat(50_000));
    expect(of('tool.output')).toMatchObject({
      attachments: [{ ...cut, name: 'output.txt' }, { name: 'extra.json' }],
    });
    expect(await importFile(service, file)).toMatchObject({ imported: 0 });
  });

  it('that a kill broke off is the same session when it is made again', async () => {
    const id = randomUUID();
    const file = transcript(id, 4_000).join('\n');
    for (let kills = 0; kills < repeats({ few: 3, all: 8 }); kills += 1) {
      const importing = importFile(service, file).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 50 + 150 * kills));
      service.process.kill('SIGKILL');
      await importing;
      await service.stop();
      service = await RunningService.start({ DATABASE_URL: database.url });
    }
    const whole = await importFile(service, file);
    expect(whole.imported + whole.alreadyThere).toBe(6_001);
    const events = await eventsOf(service, id);
    expect(events).toHaveLength(6_003);
    const messages = events.filter(({ type }) => type === 'message.posted');
    const contents = messages.map(({ data }) => (data as { content: string }).content);
    expect(contents).toEqual(
      Array.from({ length: 4_000 }, (_, nth) =>
        nth % 2 === 0 ? `Question ${nth} naïve 🎉` : `Answer ${nth}`,
      ),
    );
  }, 300_000);
});
