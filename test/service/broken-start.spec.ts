import { existsSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { processesIn, temporaryFolder, until } from '../support/postgres-process.ts';
import { Program, statusOf } from '../support/program.ts';
import { folderKey, messagesIn, postMessage, startIn } from '../support/service-in-folder.ts';

let folder: string;
let dataDir: string;

beforeEach(async () => {
  folder = await temporaryFolder();
  dataDir = join(folder, 'data');
});

afterEach(async () => {
  await Program.killAll();
  expect(processesIn(folder)).toEqual([]);
  await rm(folder, { recursive: true });
});

const draftsIn = async (of: string): Promise<string[]> =>
  (await readdir(of).catch(() => [])).filter((name) => name.startsWith('postgres-new-'));

describe('Ctrl-C', () => {
  const moments: readonly (readonly [string, () => Promise<boolean>])[] = [
    ['a process only', async () => true],
    ['making its database', async () => (await draftsIn(dataDir)).length > 0],
    ['starting Postgres', async () => existsSync(join(dataDir, 'postgres/postmaster.pid'))],
  ];
  it.each(moments)('stops a start that is %s yet, and leaves no Postgres', async (_, reached) => {
    const service = startIn(dataDir);
    await until(reached);
    service.signalGroup('SIGINT');
    await service.ended;
    expect(processesIn(folder)).toEqual([]);
    const next = startIn(dataDir);
    expect(await statusOf(`${await next.url()}/api/sessions`, folderKey)).toBe(200);
    expect(await next.stop()).toBe(0);
  });
});

describe('kill -9', () => {
  it('at any moment of the first start leaves a folder that the next start makes whole', async () => {
    const moments: readonly ((service: Program) => Promise<boolean>)[] = [
      async () => existsSync(dataDir),
      async () => (await draftsIn(dataDir)).length > 0,
      async () => existsSync(join(dataDir, 'postgres/postmaster.pid')),
      async ({ stdout }) => stdout.includes('listens on'),
    ];
    for (const reached of moments) {
      const service = startIn(dataDir);
      await until(() => reached(service));
      service.signal('SIGKILL');
      await service.ended;
    }
    const service = startIn(dataDir);
    await postMessage(await service.url(), 'kept');
    service.signal('SIGKILL');
    await service.ended;
    expect(await messagesIn(dataDir)).toEqual(['kept']);
    expect(await draftsIn(dataDir)).toEqual([]);
  }, 180_000);

  it('of its Postgres ends the service in one line; all that was confirmed is there', async () => {
    const service = startIn(dataDir);
    await postMessage(await service.url(), 'kept');
    const [postmaster] = processesIn(join(dataDir, 'postgres'));
    process.kill(postmaster ?? 0, 'SIGKILL');
    expect(await service.ended).toBe(1);
    const lines = service.stderr.split('\n').filter((line) => line && !line.startsWith('{'));
    expect(lines).toEqual([expect.stringMatching(/^the embedded Postgres ended: /)]);
    expect(await messagesIn(dataDir)).toEqual(['kept']);
  });
});
