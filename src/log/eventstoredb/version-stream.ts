import { asStored, START } from '../event-log.ts';
import type { EventVersion, EventVersionStore } from '../event-versions.ts';
import type { PageBounds } from '../pages.ts';
import { ownEvent } from './own-streams.ts';
import { each, readAll, type ReaderParts } from './reader.ts';

/** So many kinds of events in so many versions no log will ever hold. */
const RECORDS_MAX = 100_000;

const SEEN = 'playhead.version-seen';
/** Whatever the log held when this was written is noted; what came later was noted first. */
const COMPLETE = 'playhead.versions-complete';

interface Noted {
  readonly versions: readonly EventVersion[];
  readonly isComplete: boolean;
}

/**
 * The versions of event types in a stream beside the log's. Two nodes may note one at once, so it
 * may be there more than once. A log from before versions were noted ahead of their events is read
 * once from its beginning, page by page, and `warn` says why the start takes its time.
 */
export function versionStream(
  reader: ReaderParts,
  bounds: PageBounds,
  warn: (message: string, about: unknown) => void,
): EventVersionStore {
  const { current, names } = reader;
  const append = (type: string, data: Record<string, unknown>) =>
    current.ask('append', (client) =>
      client.appendToStream(names.versions, [ownEvent(type, data)], { expectedRevision: 'any' }),
    );
  const add = async ({ type, v }: EventVersion): Promise<void> => {
    await append(SEEN, { type, v });
  };
  return {
    add,
    async read() {
      const { versions, isComplete } = await readNoted(reader);
      if (isComplete) return versions;
      const isNoted = ({ type, v }: EventVersion): boolean =>
        versions.some((one) => one.type === type && one.v === v);
      const found = await versionsIn(reader, bounds, () =>
        warn(
          'the whole log is read, once, to learn which versions of events it holds',
          names.versions,
        ),
      );
      const missing = found.filter((one) => !isNoted(one));
      for (const version of missing) await add(version);
      await append(COMPLETE, {});
      return [...versions, ...missing];
    },
  };
}

const readNoted = ({ current, names, answerMs }: ReaderParts): Promise<Noted> =>
  current.ask('read', async (client) => {
    const versions: EventVersion[] = [];
    let isComplete = false;
    const range = { direction: 'forwards', fromRevision: 0n, maxCount: RECORDS_MAX } as const;
    await each(client.readStream(names.versions, range), answerMs, (record) => {
      const { type, v } = (record.data ?? {}) as Partial<EventVersion>;
      if (typeof type === 'string' && typeof v === 'number') versions.push({ type, v });
      isComplete ||= record.type === COMPLETE;
      return true;
    });
    return { versions, isComplete };
  });

/** Every version that the log itself holds, each once. */
async function versionsIn(
  reader: ReaderParts,
  bounds: PageBounds,
  onBegun: () => void,
): Promise<EventVersion[]> {
  const found = new Map<string, EventVersion>();
  for (let after = START; ;) {
    const page = await readAll(reader, after, bounds);
    const last = page.at(-1);
    if (!last) return [...found.values()];
    if (after === START) onBegun();
    for (const { type, v } of page.map(asStored)) found.set(`${type} ${v}`, { type, v });
    after = last.position;
  }
}
