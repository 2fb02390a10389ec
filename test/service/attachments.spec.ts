import { createHash } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { limits } from '../../src/config.ts';
import { freshDatabase, type TestDatabase } from '../support/database.ts';
import { query, until } from '../support/postgres-process.ts';
import { adminKey, RunningService, type Answer } from '../support/service.ts';

/* Bytes beside the log, over HTTP. */

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

const sha256 = (bytes: string | Buffer): string => createHash('sha256').update(bytes).digest('hex');
const pathOf = (hash: string): string => `/api/attachments/${hash}`;

interface Sent {
  readonly hash?: string;
  readonly type?: string;
  readonly key?: string;
  readonly headers?: Record<string, string>;
}

const put = (body: string | Buffer, sent: Sent = {}): Promise<Answer> => {
  const { hash = sha256(body), type = 'text/plain', ...rest } = sent;
  return service.request(pathOf(hash), { method: 'PUT', type, body, ...rest });
};

const bytesOf = async (hash: string, headers: Record<string, string> = {}) => {
  const authorization = `Bearer ${adminKey}`;
  const answer = await fetch(`${service.url}${pathOf(hash)}`, {
    headers: { authorization, 'accept-encoding': 'identity', ...headers },
  });
  return { answer, bytes: Buffer.from(await answer.arrayBuffer()) };
};

const refusalOf = ({ status, body }: Answer) => {
  const { code, field } = body as { code: string; field?: string };
  return { status, code, field };
};

describe('an attachment', () => {
  it('is new once, there from then on, and comes back as it was', async () => {
    for (const [body, type] of [
      ['', 'text/plain'],
      ['{"a": [1]}', 'application/json'],
      ['a\nb', 'application/x-ndjson'],
      ['Größe', 'text/plain; charset=latin1'],
      [Buffer.from([0, 255, 254, 0]), 'image/png'],
      [Buffer.alloc(limits.attachmentPieceBytes * 2 + 1, 'x'), 'application/zip'],
    ] as const) {
      const stored = { hash: sha256(body), type, bytes: Buffer.byteLength(body) };
      expect(await put(body, { type })).toMatchObject({ status: 201, body: stored });
      const again = await put(body, { type: 'text/x-other' });
      expect(again).toMatchObject({ status: 200, body: stored });
      const { answer, bytes } = await bytesOf(stored.hash);
      expect([answer.status, bytes.equals(Buffer.from(body))]).toEqual([200, true]);
      expect(answer.headers.get('content-type')).toBe(type);
      expect(answer.headers.get('content-length')).toBe(`${stored.bytes}`);
      const head = await service.request(pathOf(stored.hash), { method: 'HEAD' });
      expect([head.status, head.text]).toEqual([200, '']);
      for (const name of ['content-type', 'content-length', 'etag', 'accept-ranges']) {
        expect([name, head.headers.get(name)]).toEqual([name, answer.headers.get(name)]);
      }
    }
  });

  it('is what its compressed body says', async () => {
    const body = 'so much air '.repeat(1_000);
    const headers = { 'content-encoding': 'gzip' };
    const hash = sha256(body);
    expect((await put(gzipSync(body), { hash, headers })).status).toBe(201);
    expect((await bytesOf(hash)).bytes.toString()).toBe(body);
  });

  it('is refused by the name of what is wrong, and not stored', async () => {
    const other = await put('one', { hash: sha256('another') });
    expect(refusalOf(other)).toEqual({ status: 400, code: 'invalid', field: 'hash' });
    for (const hash of ['x', sha256('a').toUpperCase(), `${sha256('a')}0`]) {
      const field = 'hash';
      expect(refusalOf(await put('a', { hash }))).toEqual({ status: 400, code: 'invalid', field });
      expect((await service.request(pathOf(hash))).status).toBe(404);
    }
    for (const type of ['image', 'text/ plain', 'text/html\u00e9']) {
      expect(refusalOf(await put('untyped', { type }))).toEqual({
        ...{ status: 415, code: 'unsupported-media-type', field: 'content-type' },
      });
    }
    for (const body of ['one', 'another', 'untyped']) {
      expect((await service.request(pathOf(sha256(body)))).status).toBe(404);
    }
    const elsewhere = { type: 'application/x-playhead-stream', body: '{}' };
    expect((await service.request('/api/sessions', elsewhere)).status).toBe(415);
  });

  it('that says it is too large is refused before it comes', async () => {
    const length = limits.attachmentBytesMax + 1;
    const answered = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest(`${service.url}${pathOf(sha256('large'))}`, {
        method: 'PUT',
        headers: {
          ...{ authorization: `Bearer ${adminKey}`, 'content-type': 'a/b' },
          'content-length': length,
        },
      });
      request.on('response', ({ statusCode }) => {
        resolve(statusCode);
        request.destroy();
      });
      request.on('error', reject).write('x');
    });
    expect(answered).toBe(413);
  });

  it('never runs: what is no plain image is a download, and nothing may be loaded', async () => {
    const page = '<script>alert(1)</script>';
    for (const [type, disposition] of [
      ['text/html', 'attachment'],
      ['image/svg+xml', 'attachment'],
      ['application/pdf', 'attachment'],
      ['image/png', 'inline'],
    ] as const) {
      const body = `${page} as ${type}`;
      await put(body, { type });
      const { answer } = await bytesOf(sha256(body));
      const headers = Object.fromEntries(answer.headers);
      expect(headers).toMatchObject({ 'content-type': type, 'x-content-type-options': 'nosniff' });
      expect(headers['content-disposition']).toMatch(new RegExp(`^${disposition}\\b`));
      expect(headers['content-security-policy']).toMatch(/^sandbox; default-src 'none'/);
    }
  });
});

describe('a part of an attachment', () => {
  const size = limits.attachmentPieceBytes * 2 + 77;
  const whole = Buffer.from(Array.from({ length: size }, (_, nth) => (nth * 7 + (nth >> 8)) & 255));
  const hash = sha256(whole);

  beforeAll(() => put(whole, { type: 'application/octet-stream' }));

  it('is the slice that was asked for', async () => {
    const place = fc.oneof(
      fc.nat(size + 10),
      fc.constantFrom(0, 1, size - 1, size, limits.attachmentPieceBytes, Number.MAX_SAFE_INTEGER),
    );
    const range = fc.tuple(fc.option(place), fc.option(place));
    await fc.assert(
      fc.asyncProperty(range, async ([first, last]) => {
        const { answer, bytes } = await bytesOf(hash, {
          range: `bytes=${first ?? ''}-${last ?? ''}`,
        });
        const isRange = !(first === null && last === null) && !((first ?? 0) > (last ?? Infinity));
        const from = first ?? Math.max(0, size - (last ?? 0));
        const end = first === null ? size : Math.min(size, (last ?? size) + 1);
        if (!isRange) {
          expect([answer.status, bytes.equals(whole)]).toEqual([200, true]);
        } else if (from >= size) {
          expect(answer.status).toBe(416);
          expect(answer.headers.get('content-range')).toBe(`bytes */${size}`);
          expect(JSON.parse(bytes.toString())).toMatchObject({ code: 'range-not-satisfiable' });
        } else {
          expect(answer.status).toBe(206);
          expect(bytes.equals(whole.subarray(from, end))).toBe(true);
          expect(answer.headers.get('content-range')).toBe(`bytes ${from}-${end - 1}/${size}`);
        }
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it('is all of it where the header says nothing that is known here', async () => {
    for (const range of ['lines=1-2', 'bytes=1-2,5-6', 'bytes=a-b', 'bytes 1-2', 'bytes=--1']) {
      expect([range, (await bytesOf(hash, { range })).answer.status]).toEqual([range, 200]);
    }
  });

  it('and the whole are not sent to who has them', async () => {
    const etag = `"${hash}"`;
    for (const tags of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const { answer, bytes } = await bytesOf(hash, { 'if-none-match': tags });
      expect([tags, answer.status, bytes.length]).toEqual([tags, 304, 0]);
    }
    expect((await bytesOf(hash, { 'if-none-match': '"x"' })).answer.status).toBe(200);
    const range = 'bytes=0-1';
    expect((await bytesOf(hash, { range, 'if-range': etag })).answer.status).toBe(206);
    expect((await bytesOf(hash, { range, 'if-range': '"x"' })).answer.status).toBe(200);
  });
});

describe('putting', () => {
  it('of sixteen at once stores once', async () => {
    const body = Buffer.alloc(limits.attachmentPieceBytes * 3, 'sixteen');
    const answers = await Promise.all(Array.from({ length: 16 }, () => put(body)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([...Array<number>(15).fill(200), 201]);
    const [left] = await query<{ uploads: number; pieces: number }>(
      database.url,
      `select (select count(*)::int from attachment_uploads) as uploads,
         (select count(*)::int from attachment_pieces join attachments using (upload)
          where hash = '${sha256(body)}') as pieces`,
    );
    expect(left).toEqual({ uploads: 0, pieces: 3 });
  });

  it('that is cut leaves nothing', async () => {
    const body = Buffer.alloc(limits.attachmentPieceBytes * 3, 'cut');
    const hash = sha256(body);
    const pieces = () =>
      query(
        database.url,
        'select 1 from attachment_pieces where upload not in (select upload from attachments)',
      );
    for (const headers of [{ 'content-length': body.length }, {}]) {
      const request = httpRequest(`${service.url}${pathOf(hash)}`, {
        method: 'PUT',
        headers: {
          ...{ authorization: `Bearer ${adminKey}`, 'content-type': 'a/b' },
          ...headers,
        },
      });
      request.on('error', () => undefined);
      request.write(body.subarray(0, limits.attachmentPieceBytes * 2));
      await until(async () => (await pieces()).length >= 1);
      expect((await service.request(pathOf(hash))).status).toBe(404);
      request.destroy();
      await until(async () => (await pieces()).length === 0);
      expect((await service.request(pathOf(hash))).status).toBe(404);
    }
    expect(await query(database.url, 'select 1 from attachment_uploads')).toEqual([]);
  });

  it('with the service killed in the middle leaves nothing that can be read', async () => {
    const own = await freshDatabase();
    const victim = await RunningService.start({ DATABASE_URL: own.url });
    const body = Buffer.alloc(limits.attachmentPieceBytes * 3, 'killed');
    const request = httpRequest(`${victim.url}${pathOf(sha256(body))}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminKey}`, 'content-type': 'a/b' },
    });
    request.on('error', () => undefined);
    request.write(body.subarray(0, limits.attachmentPieceBytes * 2));
    await until(async () => (await query(own.url, 'select 1 from attachment_pieces')).length > 0);
    await victim.kill();
    const next = await RunningService.start({ DATABASE_URL: own.url });
    const options = { method: 'PUT', type: 'a/b', body };
    expect((await next.request(pathOf(sha256(body)))).status).toBe(404);
    expect((await next.request(pathOf(sha256(body)), options)).status).toBe(201);
    await next.stop();
    await own.drop();
  }, 240_000);
});
