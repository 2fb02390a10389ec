import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { sessionStream } from '@playhead/contract';
import fc from 'fast-check';
import { limits } from '../../src/config.ts';
import { STATE_VERSION } from '../../src/domain/session-state.ts';
import type { AskedCommand } from '../../src/domain/session-commands.ts';
import type { CommandHandler, CommandRefused } from '../../src/commands/command-handler.ts';
import type { EventLog } from '../../src/log/event-log.ts';
import { MemorySnapshots, openMemoryLog } from '../../src/log/memory/index.ts';
import { openCommands } from '../../src/startup/open-parts.ts';

const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);
const fold = { name: 'state', version: STATE_VERSION };
const sessionId = 's';
const stream = sessionStream(sessionId);

const ids = fc.constantFrom('a', 'b', 'c');
const author = { role: 'assistant', source: 'agent' } as const;
const command: fc.Arbitrary<AskedCommand> = fc.oneof(
  fc.constant<AskedCommand>({ type: 'session.idle', data: {} }),
  fc.constant<AskedCommand>({ type: 'session.resume', data: {} }),
  fc.constant<AskedCommand>({ type: 'session.set-state', data: { state: 'working' } }),
  fc.constant<AskedCommand>({ type: 'session.cancel', data: {} }),
  fc.constant<AskedCommand>({ type: 'message.post', data: { ...author, content: 'own id' } }),
  ids.chain((messageId) =>
    fc.constantFrom<AskedCommand>(
      { type: 'message.post', data: { messageId, ...author, content: 'one' } },
      { type: 'message.post', data: { messageId, ...author, content: 'two' } },
      { type: 'message.start', data: { messageId, ...author } },
      { type: 'append-chunks', messageId, chunks: [{ index: 0, text: 'x' }] },
      { type: 'append-chunks', messageId, chunks: [{ index: 1, text: 'y' }] },
      { type: 'message.complete', data: { messageId } },
      { type: 'message.fail', data: { messageId, error: 'gone' } },
    ),
  ),
  ids.chain((id) =>
    fc.constantFrom<AskedCommand>(
      { type: 'participant.join', data: { participantId: id, kind: 'agent' } },
      { type: 'participant.leave', data: { participantId: id } },
      { type: 'tool.call', data: { callId: id, tool: 'sh' } },
      { type: 'tool.output', data: { callId: id, text: 'out' } },
      { type: 'tool.finish', data: { callId: id, exitCode: 0 } },
    ),
  ),
);

/** Which node is asked; each forgets everything now and then. Few keys, so that some come again. */
const asked = fc.record({
  command,
  key: fc.integer({ min: 0, max: 60 }),
  node: fc.constantFrom(0, 1),
  forgets: fc.boolean(),
});

const open = (log: EventLog, snapshots: MemorySnapshots, snapshotEvery: number): CommandHandler =>
  openCommands({ log, snapshots }, { ...limits, snapshotEvery, readEventsMax: 3 });

const ask = (commands: CommandHandler, one: AskedCommand, key: string): Promise<unknown> =>
  commands
    .handle({ id: key, sessionId, actor: 'key:t', command: one, bytes: 1, digest: one.type })
    .then(
      ({ revision, keptFirst }) => ({ revision, keptFirst }),
      ({ code, message }: CommandRefused) => code ?? message,
    );

describe('states from snapshots', () => {
  it(`decide as states from all events do (seed ${seed})`, async () => {
    let used = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(asked, { minLength: 30, maxLength: 90 }),
        fc.constantFrom(1, 2, 5),
        async (all, every) => {
          const [log, plain] = [openMemoryLog(), openMemoryLog()];
          const snapshots = new MemorySnapshots();
          const nodes = [open(log, snapshots, every), open(log, snapshots, every + 2)];
          const start: AskedCommand = { type: 'session.start', data: {} };
          await ask(open(log, snapshots, every), start, 'start');
          await ask(open(plain, new MemorySnapshots(), Infinity), start, 'start');
          for (const { command: one, key, node, forgets } of all) {
            if (forgets) nodes[node] = open(log, snapshots, every + node);
            const expected = ask(
              open(plain, new MemorySnapshots(), Infinity),
              one,
              `${one.type} ${key}`,
            );
            const got = ask(nodes[node] as CommandHandler, one, `${one.type} ${key}`);
            expect(await got).toEqual(await expected);
          }
          for await (const part of snapshots.read(fold, stream)) used += part.revision >= 0 ? 1 : 0;
        },
      ),
      { numRuns: 150, seed },
    );
    expect(used).toBeGreaterThan(500);
  }, 120_000);

  it('spare reading what they tell, and are made again where some are missing', async () => {
    const log = openMemoryLog();
    const snapshots = new MemorySnapshots();
    await ask(open(log, snapshots, 10), { type: 'session.start', data: {} }, 'start');
    const events = Array.from({ length: 500 }, (_, nth) => ({
      id: randomUUID(),
      type: 'session.renamed',
      v: 1,
      data: { name: `${nth}` },
      meta: { at: '2026-01-01T00:00:00.000Z', actor: 'key:t', commandId: `c${nth}` },
    }));
    await log.append({ stream, expected: 0, events });
    const rename: AskedCommand = { type: 'session.rename', data: { name: 'n' } };
    let read = 0;
    const counting: EventLog = {
      ...{ epoch: log.epoch, last: (of) => log.last(of), append: (of) => log.append(of) },
      ...{
        readAll: (of) => log.readAll(of),
        head: () => log.head(),
        newest: () => log.newest(),
        close: () => log.close(),
      },
      follow: (after, handle) => log.follow(after, handle),
      read: async (of, bounds) => {
        const page = await log.read(of, bounds);
        read += page.length;
        return page;
      },
    };
    expect(await ask(open(counting, snapshots, 10), rename, 'first')).toMatchObject({
      revision: 501,
    });
    expect(read).toBe(501);
    await nextTurn();
    read = 0;
    expect(await ask(open(counting, snapshots, 10), rename, 'second')).toMatchObject({
      revision: 502,
    });
    expect(read).toBeLessThan(20);
    // A command of long ago is still known.
    const again = { id: 'c77', sessionId, actor: 'key:t', command: rename, bytes: 1 };
    const { revision, appended } = await open(counting, snapshots, 10).handle(again);
    expect({ revision, appended }).toEqual({ revision: 78, appended: false });
  });

  it('of another log are thrown away', async () => {
    const [lost, restored] = [openMemoryLog(), openMemoryLog()];
    const snapshots = new MemorySnapshots();
    const start: AskedCommand = { type: 'session.start', data: {} };
    const message = { messageId: 'm', ...author, content: 'x' };
    const post: AskedCommand = { type: 'message.post', data: message };
    await ask(open(lost, snapshots, 1), start, '1');
    await ask(open(lost, snapshots, 1), post, '2');
    await nextTurn();
    // Shorter than the snapshot, then as long as it was.
    expect(await ask(open(restored, snapshots, 1), start, '3')).toMatchObject({ revision: 0 });
    expect(await ask(open(restored, snapshots, 1), post, '2')).toMatchObject({ revision: 1 });
    const [, posted] = await restored.read(stream, { after: -1, limit: 10 });
    expect(posted).toMatchObject({ type: 'message.posted', meta: { commandId: '2' } });
  });
});
