import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { attachmentRefs } from '../../projections/attachment-refs.ts';
import { AttachmentCollector, type Collected } from '../../src/attachments/collector.ts';
import type { AttachmentStore } from '../../src/attachments/attachment-store.ts';
import { PostgresAttachments } from '../../src/attachments/postgres-attachments.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { eventually } from '../support/log-events.ts';

const limits = { attachmentPieceBytes: 100, attachmentBytesMax: 10_000 };
const HOUR = 3_600_000;
const { name, version } = attachmentRefs;

let database: TestDatabase;
let dataSource: DataSource;
let store: AttachmentStore;

beforeAll(async () => {
  database = await freshDatabase();
  dataSource = await openDatabase(database.url, { entities: [], migrations: [], poolSize: 30 });
  store = new PostgresAttachments(dataSource, limits);
});

beforeEach(async () => {
  await dataSource.query(
    `truncate attachments, attachment_uploads, attachment_pieces, attachment_refs, checkpoints,
       parked`,
  );
  await projectedTo('5');
});

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const projectedTo = (position: string, epoch = 'e', of = version): Promise<unknown> =>
  dataSource.query(
    `insert into checkpoints (name, version, epoch, position) values ($1, $2, $3, $4)
     on conflict (name) do update set version = $2, epoch = $3, position = $4`,
    [name, of, epoch, position],
  );

const collector = (head = '5', graceMs = HOUR): AttachmentCollector =>
  new AttachmentCollector(
    dataSource,
    { ...{ projection: name, version, epoch: 'e' }, head: () => Promise.resolve(head) },
    { attachmentGraceMs: graceMs, attachmentUploadMs: HOUR, attachmentSweepMs: 5 },
    (fault) => {
      throw fault;
    },
  );

const sweep = (head?: string): Promise<Collected> => collector(head).sweep();

const put = async (text: string): Promise<string> =>
  (await store.put('text/plain', Buffer.from(text))).hash;

/** As if it had been put so long ago. */
const age = (hash: string, ms = 2 * HOUR): Promise<unknown> =>
  dataSource.query(`update attachments set put_at = now() - $2 * interval '1 ms' where hash = $1`, [
    hash,
    ms,
  ]);

const refer = (hash: string, sessionId = 's'): Promise<unknown> =>
  dataSource.query('insert into attachment_refs values ($1, $2, 1) on conflict do nothing', [
    ...[sessionId, hash],
  ]);

const left = async (): Promise<string[]> => (await store.list('', 1_000)).map(({ hash }) => hash);

const nothing = { attachments: 0, uploads: 0 };

it('takes what nobody refers to once the grace time is over, with all its pieces', async () => {
  const hashes = await Promise.all(
    Array.from({ length: 50 }, (_, nth) => put(`${nth}`.repeat(99))),
  );
  const [fresh = '', referred = '', renewed = '', ...old] = hashes;
  for (const hash of [referred, renewed, ...old]) await age(hash);
  await refer(referred);
  await store.renew([renewed]);
  expect(await sweep()).toEqual({ attachments: 47, uploads: 0 });
  expect(await left()).toEqual([fresh, referred, renewed].sort());
  const [pieces] = await dataSource.query<{ count: number }[]>(
    'select count(distinct upload)::int as count from attachment_pieces',
  );
  expect(pieces?.count).toBe(3);
  expect(await sweep()).toEqual(nothing);
});

it('takes nothing while it is not known what is referred to', async () => {
  await age(await put('a'));
  expect(await sweep('6')).toEqual(nothing);
  await projectedTo('5', 'another log');
  expect(await sweep()).toEqual(nothing);
  await projectedTo('5', 'e', version - 1);
  expect(await sweep()).toEqual(nothing);
  await projectedTo('5');
  await dataSource.query(`insert into parked values ($1, 's', 1, 'e', 'poison')`, [name]);
  expect(await sweep()).toEqual(nothing);
  await dataSource.query('truncate parked');
  expect(await sweep()).toEqual({ attachments: 1, uploads: 0 });
});

it('takes what uploads have left that were broken off, and no upload at work', async () => {
  const bytes = Buffer.from('x'.repeat(1_000));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  async function* slow(end: Promise<unknown>): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, 500);
    await end;
    yield bytes.subarray(500);
  }
  let finish = (): void => undefined;
  const end = new Promise<void>((resolve) => (finish = resolve));
  const putting = store.put('text/plain', slow(end), sha256);
  const late = store.put('text/html', slow(end), sha256).catch((fault: unknown) => fault);
  while ((await uploads()).length < 2) await sleep(5);
  await dataSource.query(
    `update attachment_uploads set begun_at = now() - interval '2 hours'
     where upload = (select upload from attachment_uploads limit 1)`,
  );
  expect(await sweep()).toEqual({ attachments: 0, uploads: 1 });
  finish();
  const outcomes = [await putting.catch((fault: unknown) => fault), await late];
  // One of them was taken for broken off: it says so, or finds the other's done.
  expect(outcomes).toContainEqual(expect.objectContaining({ hash: sha256, isNew: true }));
  expect(outcomes).toContainEqual(expect.objectContaining({ reason: 'expired' }));
  expect(await uploads()).toEqual([]);
  expect(await left()).toEqual([sha256]);
  const [pieces] = await dataSource.query<{ count: number }[]>(
    'select count(distinct upload)::int as count from attachment_pieces',
  );
  expect(pieces?.count).toBe(1);
});

it('looks again and again until it is stopped', async () => {
  const running = collector();
  running.start();
  for (const text of ['a', 'b']) {
    await age(await put(text));
    await eventually('it is removed', async () => (await left()).length === 0);
  }
  await running.stop();
  await age(await put('c'));
  await sleep(100);
  expect(await left()).toHaveLength(1);
});

const uploads = (): Promise<unknown[]> => dataSource.query('select upload from attachment_uploads');

it('never takes what is put or renewed while it looks, however they meet', async () => {
  // Whatever is not held by `put_at` or by a row is due at once.
  const sweeping = collector('5', HOUR);
  let isOver = false;
  let taken = 0;
  const sweeps = (async (): Promise<void> => {
    while (!isOver) taken += (await sweeping.sweep()).attachments;
  })();
  const client = async (nth: number): Promise<void> => {
    for (let round = 0; round < 60; round += 1) {
      const text = `of client ${nth} ${round % 3} `.repeat(20);
      const hash = await put(text);
      // As a command does before it appends.
      expect(await store.renew([hash])).toEqual([]);
      await sleep(round % 4);
      await refer(hash, `s ${nth}`);
      await sleep(round % 3);
      const pieces: Buffer[] = [];
      for await (const piece of store.read(hash, 0, text.length - 1)) pieces.push(piece);
      expect(Buffer.concat(pieces).toString()).toBe(text);
      // From here on it may go at any time, and comes again with the third round from now.
      await age(hash);
      await dataSource.query('delete from attachment_refs where hash = $1', [hash]);
    }
  };
  await Promise.all(Array.from({ length: 6 }, (_, nth) => client(nth)));
  isOver = true;
  await sweeps;
  expect(taken).toBeGreaterThan(0);
}, 60_000);
