import type { EventMeta } from '@playhead/contract';
import {
  LogError,
  NO_STREAM,
  type Append,
  type NewEvent,
  type RecordedEvent,
} from './event-log.ts';
import { losslessJson } from './lossless-json.ts';
import { upcast } from './upcasts.ts';

/** An event as stores keep it: data and meta are JSON texts without line breaks. */
export interface StorableEvent {
  readonly id: string;
  readonly type: string;
  readonly v: number;
  readonly data: string;
  readonly meta: string;
  /** Of data and meta in UTF-8. */
  readonly bytes: number;
}

/** An append that any store can hold. */
export interface StorableAppend {
  readonly stream: string;
  readonly expected: number | 'any';
  readonly events: readonly StorableEvent[];
  readonly bytes: number;
}

/** An event as a store gives it back. */
export interface StoredEvent extends StorableEvent {
  readonly stream: string;
  readonly revision: number;
  readonly position: string;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const type = /^[A-Za-z][A-Za-z0-9._-]{0,99}$/;
const INTEGER_MAX = 2 ** 31 - 1;

/** No control characters: stores send names in lines. No half surrogate pairs: UTF-8 has none. */
const stream = /^[^\p{Cc}\p{Cs}]{1,256}$/u;

/** How large appends may be, in bytes of data and meta of all their events. */
export interface AppendLimits {
  readonly appendBytesMax: number;
  /** Of an append that is a whole session. */
  readonly wholeSessionBytesMax: number;
}

/** How large this append may be. */
export const appendBytesMax = (
  { isWholeSession = false }: Pick<Append, 'isWholeSession'>,
  limits: AppendLimits,
): number => (isWholeSession ? limits.wholeSessionBytesMax : limits.appendBytesMax);

/**
 * Checks an append and writes its events as JSON. Throws `LogError` `invalid` with the field, or
 * `too-large` when data and meta of all its events are more than `bytesMax` bytes.
 */
export function encode(append: Append, bytesMax: number): StorableAppend {
  const { expected } = append;
  demand(stream.test(append.stream), 'stream', 'must be 1 to 256 characters, none a control one');
  demand(
    expected === 'any' || isInteger(expected, NO_STREAM),
    'expected',
    'must be a revision, -1 for no stream, or any',
  );
  demand(append.events.length > 0, 'events', 'must hold at least one event');
  const events = append.events.map((event, index) => encodeEvent(event, `events.${index}`));
  const bytes = events.reduce((sum, event) => sum + event.bytes, 0);
  if (bytes > bytesMax) {
    throw new LogError('too-large', `an append takes up to ${bytesMax} bytes, not ${bytes}`);
  }
  return { stream: append.stream, expected, events, bytes };
}

function encodeEvent(event: NewEvent, field: string): StorableEvent {
  demand(uuid.test(event.id), `${field}.id`, 'must be a UUID');
  demand(type.test(event.type), `${field}.type`, 'must be 1 to 100 of A-Z a-z 0-9 . _ -');
  demand(isInteger(event.v, 1), `${field}.v`, 'must be a positive integer');
  const data = losslessJson(event.data, `${field}.data`);
  const meta = losslessJson(event.meta, `${field}.meta`);
  const bytes = Buffer.byteLength(data) + Buffer.byteLength(meta);
  return { id: event.id.toLowerCase(), type: event.type, v: event.v, data, meta, bytes };
}

const isInteger = (value: number, min: number): boolean =>
  Number.isInteger(value) && value >= min && value < INTEGER_MAX;

function demand(holds: boolean, field: string, rule: string): void {
  if (!holds) throw new LogError('invalid', `${field} ${rule}`, field);
}

/** Reads a stored event in today's shape. */
export const decode = (stored: StoredEvent): RecordedEvent =>
  upcast({
    id: stored.id,
    type: stored.type,
    v: stored.v,
    data: JSON.parse(stored.data) as unknown,
    meta: JSON.parse(stored.meta) as EventMeta,
    stream: stored.stream,
    revision: stored.revision,
    position: stored.position,
    bytes: stored.bytes,
  });
