import type { JSONType } from '@eventstore/db-client';
import type { EventMeta } from '@playhead/contract';
import type { StorableAppend, StorableEvent } from '../codec.ts';
import { LogError, type RecordedEvent } from '../event-log.ts';
import { upcast } from '../upcasts.ts';
import type { ServerEvent, ServerRecord } from './client.ts';
import { positionOf } from './positions.ts';

/** Our names of what the server's own projections and pages know under theirs. */
const serverNames: ReadonlyMap<string, string> = new Map([
  ['correlationId', '$correlationId'],
  ['causationId', '$causationId'],
]);

const ourNames: ReadonlyMap<string, string> = new Map(
  [...serverNames].map(([ours, theirs]) => [theirs, ours]),
);

/**
 * Events in the client's form. They were JSON before and become the same JSON again: nothing that
 * the client could fail to write, for which it would never answer. Metadata is `meta` under the
 * server's names, and `v`; no more, since the server counts it when it limits an append. Throws
 * `LogError` `invalid` when `meta` has a field of such a name.
 */
export const toServer = ({ events }: StorableAppend): ServerEvent[] =>
  events.map((event, index) => ({
    id: event.id,
    type: event.type,
    contentType: 'application/json',
    data: JSON.parse(event.data) as JSONType,
    metadata: metadataOf(event, `events.${index}.meta`),
  }));

function metadataOf({ v, meta }: StorableEvent, field: string): Record<string, unknown> {
  const metadata: [string, unknown][] = [['v', v]];
  for (const [name, value] of Object.entries(JSON.parse(meta) as object)) {
    if (name === 'v' || ourNames.has(name)) {
      throw new LogError('invalid', `${field}.${name} is a name of the store`, `${field}.${name}`);
    }
    metadata.push([serverNames.get(name) ?? name, value]);
  }
  return Object.fromEntries(metadata);
}

/**
 * An event of the log in today's shape. One that was written past the adapter is passed on as
 * version 1, without a known actor; bytes that are no JSON as base64.
 */
export function fromServer(record: ServerRecord, stream: string): RecordedEvent {
  const data = record.data instanceof Uint8Array ? base64(record.data) : record.data;
  const { v, meta } = metaOf(record);
  return upcast({
    id: record.id.toLowerCase(),
    type: record.type,
    v,
    data,
    meta,
    stream,
    revision: Number(record.revision),
    position: positionOf(placeOf(record)),
    bytes: bytesOf(data) + bytesOf(meta),
  });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

function placeOf({ position, id }: ServerRecord) {
  if (position) return position;
  throw new Error(`the server gives no position of event ${id}: it must be 22.6 or later`);
}

function metaOf({ metadata, id, created }: ServerRecord): { v: number; meta: EventMeta } {
  const { v, ...named } = isObject(metadata) ? metadata : {};
  if (!Number.isInteger(v)) {
    return { v: 1, meta: { at: created.toISOString(), actor: 'system', commandId: id } };
  }
  const meta = Object.entries(named).map(([name, value]) => [ourNames.get(name) ?? name, value]);
  return { v: Number(v), meta: Object.fromEntries(meta) as EventMeta };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
