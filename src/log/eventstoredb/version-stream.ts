import type { EventVersion, EventVersionStore } from '../event-versions.ts';
import { ownEvent } from './identity.ts';
import { each, type ReaderParts } from './reader.ts';

/** So many kinds of events in so many versions no log will ever hold. */
const RECORDS_MAX = 100_000;

/**
 * The versions of event types in a stream beside the log's. Two nodes may note one at once, so it
 * may be there more than once.
 */
export const versionStream = ({ current, names, answerMs }: ReaderParts): EventVersionStore => ({
  read: () =>
    current.ask('read', async (client) => {
      const versions: EventVersion[] = [];
      const range = { direction: 'forwards', fromRevision: 0n, maxCount: RECORDS_MAX } as const;
      await each(client.readStream(names.versions, range), answerMs, ({ data }) => {
        const { type, v } = (data ?? {}) as Partial<EventVersion>;
        if (typeof type === 'string' && typeof v === 'number') versions.push({ type, v });
        return true;
      });
      return versions;
    }),
  async add({ type, v }) {
    const event = ownEvent('playhead.version-seen', { type, v });
    await current.ask('append', (client) =>
      client.appendToStream(names.versions, [event], { expectedRevision: 'any' }),
    );
  },
});
