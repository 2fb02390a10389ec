import { rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { FreeDiskSpace, type DiskSpace } from '../../src/embedded-postgres/index.ts';
import { freshDatabase } from '../support/database.ts';
import { temporaryFolder } from '../support/postgres-process.ts';
import { RunningService } from '../support/service.ts';

interface Ready {
  readonly status: string;
  readonly disk: { freeBytes: number; warnBelowBytes: number; low: boolean } | null;
}

const MB = 1024 * 1024;

const readiness = async (service: RunningService): Promise<Ready> => {
  const { status, body } = await service.request('/health/ready', { key: null });
  expect(status).toBe(200);
  return body as Ready;
};

describe('a service on a disk of its own', () => {
  it('warns in readiness and log while less is free than is configured, and works', async () => {
    const folder = await temporaryFolder();
    const { bavail, bsize } = await statfs(folder);
    const freeMb = Math.floor((bavail * bsize) / MB);
    const env = { DATABASE_URL: '', PLAYHEAD_DATA_DIR: join(folder, 'data') };
    const low = await RunningService.start({
      ...env,
      PLAYHEAD_DISK_WARN_BELOW_MB: String(freeMb * 2),
    });
    const { status, disk } = await readiness(low);
    expect(status).toBe('ready');
    expect(disk).toMatchObject({ low: true, warnBelowBytes: freeMb * 2 * MB });
    expect(disk?.freeBytes).toBeGreaterThan(0);
    const started = await low.request('/api/sessions', { type: 'application/json', body: '{}' });
    expect(started.status).toBe(201);
    expect(await low.stop()).toBe(0);
    expect(low.output.match(/disk space is low/g)).toHaveLength(1);
    const roomy = await RunningService.start({ ...env, PLAYHEAD_DISK_WARN_BELOW_MB: '1' });
    expect((await readiness(roomy)).disk).toMatchObject({ low: false, warnBelowBytes: MB });
    expect(await roomy.stop()).toBe(0);
    expect(roomy.output).not.toContain('disk space');
    await rm(folder, { recursive: true });
  }, 120_000);

  it('refuses to start with a number that is none', async () => {
    const wrong = RunningService.start({ PLAYHEAD_DISK_WARN_BELOW_MB: '1 GB' });
    await expect(wrong).rejects.toThrow('PLAYHEAD_DISK_WARN_BELOW_MB: must be a whole number');
  });
});

describe('a service on the database of a user', () => {
  it('says nothing of a disk that it does not see', async () => {
    const database = await freshDatabase();
    const service = await RunningService.start({ DATABASE_URL: database.url });
    expect((await readiness(service)).disk).toBeNull();
    await service.stop();
    await database.drop();
  });
});

describe('watching the disk', () => {
  it('reports each change once, and keeps a warning while it cannot see', async () => {
    const seen: DiskSpace[] = [];
    const free = [50, 99, 100, 101, undefined, 99, 98, undefined, 97, 500];
    let nth = 0;
    const watched = await FreeDiskSpace.watch({
      ...{ folder: '/', warnBelowBytes: 100, checkMs: 60_000 },
      onChange: (space) => seen.push(space),
      freeBytesOf: async () => {
        const bytes = free[nth];
        nth += 1;
        if (bytes === undefined) throw new Error('no such disk');
        return Promise.resolve(bytes);
      },
    });
    while (nth < free.length) await watched.check();
    watched.stop();
    expect(seen.map(({ freeBytes, isLow }) => [freeBytes, isLow])).toEqual([
      [50, true],
      [100, false],
      [99, true],
      [500, false],
    ]);
  });
});
