import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { DataSource } from 'typeorm';
import {
  AttachmentRefused,
  type AttachmentBytes,
  type AttachmentStore,
} from '../../src/attachments/attachment-store.ts';
import { PostgresAttachments } from '../../src/attachments/postgres-attachments.ts';
import { copyAttachments } from '../../src/operate/copy-attachments.ts';
import { openDatabase } from '../../src/startup/database.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';

const PIECE = 100;
const MAX = 2_000;
const limits = { attachmentPieceBytes: PIECE, attachmentBytesMax: MAX };

let database: TestDatabase;
let dataSource: DataSource;
let store: AttachmentStore;

beforeAll(async () => {
  database = await freshDatabase();
  dataSource = await openDatabase(database.url, { entities: [], migrations: [], poolSize: 20 });
  store = new PostgresAttachments(dataSource, limits);
});

beforeEach(() => dataSource.query('truncate attachments, attachment_uploads, attachment_pieces'));

afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const text = 'text/plain';
/** Bytes that look random, the same for the same number. */
const bytesOf = (length: number, seed = length): Buffer =>
  Buffer.from(Array.from({ length }, (_, nth) => (nth * 31 + seed * 17 + (nth >> 8)) & 0xff));

/** The bytes cut at some places, each handed out in a later turn. */
async function* inChunks(bytes: Buffer, cuts: readonly number[]): AsyncGenerator<Buffer> {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  const sorted = places.sort((a, b) => a - b);
  for (const [nth, from] of sorted.entries()) {
    await sleep(0);
    yield bytes.subarray(from, sorted[nth + 1] ?? bytes.length);
  }
}

async function all(hash: string, from: number, through: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of store.read(hash, from, through)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** What lies in the tables. */
const counts = async (): Promise<object> => {
  const [found] = await dataSource.query<object[]>(
    `select (select count(*)::int from attachments) as attachments,
       (select count(*)::int from attachment_uploads) as uploads,
       (select count(*)::int from attachment_pieces) as pieces`,
  );
  return found ?? {};
};

const failureOf = (putting: Promise<unknown>): Promise<unknown> =>
  putting.then(
    () => undefined,
    (fault: unknown) => fault,
  );

describe('an attachment', () => {
  it('is read as it was put, whatever chunks it came in, and every part of it', async () => {
    const cuts = fc.array(fc.nat(), { maxLength: 12 });
    const length = fc.oneof(fc.nat(MAX), fc.constantFrom(0, 1, PIECE - 1, PIECE, PIECE + 1, MAX));
    await fc.assert(
      fc.asyncProperty(length, cuts, fc.nat(), fc.nat(), async (bytes, places, one, other) => {
        const given = bytesOf(bytes);
        const source = places.length % 3 === 0 ? given : inChunks(given, places);
        const put = await store.put(text, source);
        expect(put).toMatchObject({ hash: sha256(given), type: text, bytes });
        expect(await store.find(put.hash)).toEqual({ hash: put.hash, type: text, bytes });
        if (bytes === 0) return;
        const [from = 0, through = 0] = [one % bytes, other % bytes].sort((a, b) => a - b);
        expect(await all(put.hash, from, through)).toEqual(given.subarray(from, through + 1));
        expect(await all(put.hash, 0, bytes - 1)).toEqual(given);
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it('is stored once by sixteen who put it at once, and by those who come later', async () => {
    const given = bytesOf(MAX);
    const puts = await Promise.all(
      Array.from({ length: 16 }, (_, nth) =>
        store.put(`text/x-${nth}`, inChunks(given, [nth * 100]), sha256(given)),
      ),
    );
    expect(puts.filter(({ isNew }) => isNew)).toHaveLength(1);
    expect(new Set(puts.map(({ type }) => type)).size).toBe(1);
    const stored = { attachments: 1, uploads: 0, pieces: MAX / PIECE };
    expect(await counts()).toEqual(stored);
    expect(await store.put(text, given)).toMatchObject({ isNew: false });
    expect(await counts()).toEqual(stored);
    expect(await all(sha256(given), 0, MAX - 1)).toEqual(given);
  });

  it.each<[string, (given: Buffer) => AttachmentBytes]>([
    ['all at once', (given) => given],
    ['in pieces', (given) => inChunks(given, [1, 150])],
  ])('is refused with another hash or too many bytes, and leaves nothing: %s', async (_, of) => {
    const other = await failureOf(store.put(text, of(bytesOf(300)), sha256(bytesOf(299))));
    expect(other).toMatchObject({ reason: 'other-hash' });
    const large = await failureOf(store.put(text, of(bytesOf(MAX + 1))));
    expect(large).toBeInstanceOf(AttachmentRefused);
    expect(large).toMatchObject({ reason: 'too-large' });
    expect(await counts()).toEqual({ attachments: 0, uploads: 0, pieces: 0 });
    // Who names what is there must have it.
    await store.put(text, bytesOf(299));
    const wrong = await failureOf(store.put(text, of(bytesOf(300)), sha256(bytesOf(299))));
    expect(wrong).toMatchObject({ reason: 'other-hash' });
  });

  it('of which the end never came is not there, and leaves nothing', async () => {
    const given = bytesOf(MAX);
    async function* broken(): AsyncGenerator<Buffer> {
      for (let from = 0; from < MAX / 2; from += 70) {
        yield given.subarray(from, from + 70);
        expect(await store.find(sha256(given))).toBeUndefined();
      }
      throw new Error('cut');
    }
    expect(await failureOf(store.put(text, broken(), sha256(given)))).toEqual(new Error('cut'));
    expect(await counts()).toEqual({ attachments: 0, uploads: 0, pieces: 0 });
  });

  it('that goes while it is read ends the reading with an error, not early', async () => {
    const { hash } = await store.put(text, bytesOf(MAX));
    const reading = store.read(hash, 0, MAX - 1)[Symbol.asyncIterator]();
    await reading.next();
    await dataSource.query('truncate attachments, attachment_pieces');
    await expect(reading.next()).rejects.toThrow('was removed');
  });
});

describe('a copy of attachments', () => {
  it('has each of them, goes on where it was broken off, and checks every byte', async () => {
    const other = await freshDatabase();
    const there = await openDatabase(other.url, { entities: [], migrations: [], poolSize: 2 });
    // Pieces of another size, as after an update.
    const target = new PostgresAttachments(there, { ...limits, attachmentPieceBytes: 333 });
    const given = Array.from({ length: 30 }, (_, nth) => bytesOf(nth * 60, nth));
    for (const [nth, bytes] of given.entries()) await store.put(`text/x-${nth}`, bytes);
    let left = 11;
    const failing: AttachmentStore = {
      ...{ find: (hash) => target.find(hash), renew: (hashes) => target.renew(hashes) },
      read: (...about) => target.read(...about),
      list: (...about) => target.list(...about),
      put: async (...about) => {
        if ((left -= 1) < 0) throw new Error('gone');
        return target.put(...about);
      },
    };
    await expect(copyAttachments(store, failing)).rejects.toThrow('gone');
    expect(await copyAttachments(store, target)).toEqual({
      attachments: 30,
      copiedAttachments: 19,
    });
    expect(await copyAttachments(store, target)).toEqual({ attachments: 30, copiedAttachments: 0 });
    expect(await target.list('', 1_000)).toEqual(await store.list('', 1_000));
    for (const bytes of given.slice(1)) {
      const pieces: Buffer[] = [];
      for await (const piece of target.read(sha256(bytes), 0, bytes.length - 1)) pieces.push(piece);
      expect(Buffer.concat(pieces)).toEqual(bytes);
    }
    await there.destroy();
    await other.drop();
  });
});
