import type { JSONType } from '@eventstore/db-client';
import type { EventMeta } from '@playhead/contract';
import type { StorableAppend, StorableEvent } from '../codec.ts';
import { LogError, type RecordedEvent } from '../event-log.ts';
import { upcast } from '../upcasts.ts';
import type { ServerEvent, ServerPosition, ServerRecord } from './client.ts';

const OWN = 'playhead-';

/**
 * How streams of the log are called on the server: after a prefix, by which several logs may share
 * one server. Names with `$` are the server's, those with `playhead-` the adapter's.
 */
export class StreamNames {
  /** Holds one event, the log's first: who the log is. */
  readonly identity: string;
  /** Where the log shows itself that events still arrive. */
  readonly heartbeat: string;
  /** Which versions of event types the log holds. */
  readonly versions: string;
  /** Matches the server's names of the log's streams and of those above. */
  readonly regex: string;

  constructor(private readonly prefix: string) {
    this.identity = `${prefix}${OWN}log`;
    this.heartbeat = `${prefix}${OWN}heartbeat`;
    this.versions = `${prefix}${OWN}versions`;
    const literal = prefix.replace(/[^A-Za-z0-9_]/g, (character) => `\\${character}`);
    this.regex = `^${literal}[^$]`;
  }

  /** Throws `LogError` `invalid` for a name that is not the log's to give. */
  toServer(stream: string): string {
    if (!/^(\$|playhead-)/.test(stream)) return this.prefix + stream;
    throw new LogError('invalid', 'stream must not begin with $ or playhead-', 'stream');
  }

  /** `undefined` for a stream that is not one of the log's. */
  fromServer(name: string): string | undefined {
    if (!name.startsWith(this.prefix)) return undefined;
    const stream = name.slice(this.prefix.length);
    return /^(\$|playhead-|$)/.test(stream) ? undefined : stream;
  }
}

/** Digits of the largest number that the server counts with. */
const DIGITS = 19;

const pad = (n: bigint): string => String(n).padStart(DIGITS, '0');

/** The port's form of a place in the server's log: strings compare as the places do. */
export const positionOf = ({ commit, prepare }: ServerPosition): string =>
  pad(commit) + pad(prepare);

/** The place that a position stands for. Throws `LogError` `invalid` for what is none. */
export function serverPositionOf(position: string): ServerPosition {
  if (!/^\d{38}$/.test(position)) throw new LogError('invalid', 'not a position', 'after');
  return {
    commit: BigInt(position.slice(0, DIGITS)),
    prepare: BigInt(position.slice(DIGITS)),
  };
}

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
    position: positionOf(serverPositionIn(record)),
    bytes: bytesOf(data) + bytesOf(meta),
  });
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

function serverPositionIn({ position, id }: ServerRecord): ServerPosition {
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
