import { randomUUID } from 'node:crypto';
import type { ServerClient, ServerEvent, ServerPosition, ServerRecord } from './client.ts';
import type { ReplaceableClient } from './replaceable-client.ts';
import { isConflict } from './errors.ts';
import type { StreamNames } from './mapping.ts';
import { lastRecord } from './reader.ts';

/** Who a log is, and where its first event lies. */
export interface Identity {
  readonly epoch: string;
  readonly origin: ServerPosition;
}

/** An event that the adapter writes for itself. */
export const ownEvent = (type: string, data: Record<string, unknown>): ServerEvent => ({
  ...{ id: randomUUID(), type, contentType: 'application/json', data, metadata: {} },
});

/**
 * Reads who the log is; a new log is given its name by the first event it holds. Throws when the
 * server does not answer, or when that event was deleted: then the log would seem to begin again.
 */
export async function identify(
  current: ReplaceableClient,
  names: StreamNames,
  answerMs: number,
): Promise<Identity> {
  const read = () => current.ask('read', (client) => lastRecord(client, names.identity, answerMs));
  let record = await read();
  if (!record) {
    await current.ask('append', (client) => settle(client, names));
    record = await read();
  }
  return identityIn(record, names.identity);
}

/** Of two nodes that do this at once one is first, and the other reads what that one wrote. */
async function settle(client: ServerClient, names: StreamNames): Promise<void> {
  const none = { expectedRevision: 'no_stream' } as const;
  const isOurs = (fault: unknown): void => {
    if (!isConflict(fault)) throw fault;
  };
  const event = ownEvent('playhead.log-opened', { epoch: randomUUID() });
  await client.appendToStream(names.identity, [event], none).catch(isOurs);
  await client.setStreamMetadata(names.heartbeat, { maxCount: 1 }, none).catch(isOurs);
}

function identityIn(record: ServerRecord | undefined, stream: string): Identity {
  const { epoch } = (record?.data ?? {}) as { readonly epoch?: unknown };
  if (record?.position && record.revision === 0n && typeof epoch === 'string') {
    return { epoch, origin: record.position };
  }
  throw new Error(`the stream ${stream} does not hold what the log wrote there first`);
}

interface Parts {
  readonly current: ReplaceableClient;
  readonly names: StreamNames;
}

/** Writes to a stream of which the server keeps one event, so that followers receive something. */
export class Heartbeat {
  #isUnderWay = false;

  constructor(private readonly parts: Parts) {}

  /** Does not fail: that nothing is received says enough. */
  beat(): void {
    if (this.#isUnderWay) return;
    this.#isUnderWay = true;
    const { current, names } = this.parts;
    const event = ownEvent('playhead.beat', {});
    const options = { expectedRevision: 'any' } as const;
    void current
      .ask('append', (client) => client.appendToStream(names.heartbeat, [event], options))
      .catch(() => undefined)
      .finally(() => {
        this.#isUnderWay = false;
      });
  }
}
