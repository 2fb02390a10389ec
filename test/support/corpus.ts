import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { eventTypes, evolveOpenView, sessionIdOf, type SessionEvent } from '@playhead/contract';
import { projections } from '../../projections/index.ts';
import { evolve } from '../../src/domain/session.ts';
import { initialState } from '../../src/domain/session-state.ts';
import { AgentPipeEncoder } from '../../src/http/sse/agentpipe/event-encoder.ts';
import { asSessionEvent } from '../../src/live/frames.ts';
import { NO_STREAM, type EventLog, type NewEvent } from '../../src/log/event-log.ts';
import { openMemoryLog } from '../../src/log/memory/index.ts';
import { upcast, type Upcasts } from '../../src/log/upcasts.ts';
import type { Projection } from '../../src/projecting/projection.ts';

/** Where the corpus lies. */
export const corpusFolder = fileURLToPath(new URL('../corpus/', import.meta.url));

/** A released event as a store keeps it: data and meta are the very texts. */
export interface CorpusEvent {
  readonly stream: string;
  readonly revision: number;
  readonly id: string;
  readonly type: string;
  readonly v: number;
  readonly data: string;
  readonly meta: string;
}

/** One file of the corpus: events of one type in one version, and others that set the scene. */
export interface CorpusFile {
  readonly name: string;
  readonly text: string;
}

/** Every file of released events, in the order of their names. */
export const corpusFiles = (): CorpusFile[] =>
  readdirSync(`${corpusFolder}events`)
    .sort()
    .map((name) => ({ name, text: readFileSync(`${corpusFolder}events/${name}`, 'utf8') }));

/** The events in a file, a line each. */
export const eventsIn = ({ text }: CorpusFile): CorpusEvent[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as CorpusEvent);

/** The name of the file for a type in a version. */
export const fileName = (type: string, v: number): string => `${type}.v${v}.jsonl`;

/** SHA-256 of a file, in hex. */
export const digestOf = ({ text }: CorpusFile): string =>
  createHash('sha256').update(text).digest('hex');

/** The event as it was handed to a log, before it was stored. */
export const parsed = ({ id, type, v, data, meta }: CorpusEvent): NewEvent => ({
  ...{ id, type, v },
  data: JSON.parse(data) as unknown,
  meta: JSON.parse(meta) as NewEvent['meta'],
});

/** Versions of the contract's types up to today's that no file has. */
export const missingFiles = (
  files: readonly CorpusFile[],
  types: Readonly<Record<string, { readonly v: number }>> = eventTypes,
): string[] =>
  Object.entries(types)
    .flatMap(([type, { v }]) => Array.from({ length: v }, (_, nth) => fileName(type, nth + 1)))
    .filter((name) => !files.some((file) => file.name === name && file.text.trim() !== ''));

/** Released events that are not read as today's version, or not in today's shape, and why. */
export const misreadEvents = (events: readonly CorpusEvent[], registry?: Upcasts): string[] =>
  events.flatMap((stored) => {
    const { type, v, data } = upcast(parsed(stored), registry);
    const about = `${stored.type} ${stored.v} (${stored.id})`;
    if (!Object.hasOwn(eventTypes, type)) return [`${about}: the contract has no such type`];
    const today = eventTypes[type as keyof typeof eventTypes];
    if (v !== today.v) return [`${about}: read as version ${v}, today's is ${today.v}`];
    const { success, data: read, error } = today.data.safeParse(data);
    if (!success) return [`${about}: ${error.issues.map(issueOf).join(', ')}`];
    const isWhole = JSON.stringify(read) === JSON.stringify(sortedAs(read, data));
    return isWhole ? [] : [`${about}: holds what today's shape does not have`];
  });

const issueOf = ({ path, message }: { path: PropertyKey[]; message: string }): string =>
  `${path.map(String).join('.')}: ${message}`;

/** A schema answers fields in its own order; what is compared is which there are. */
const sortedAs = (read: object, data: unknown): object => {
  const own = data as Record<string, unknown>;
  const order = [...new Set([...Object.keys(read), ...Object.keys(own)])];
  return Object.fromEntries(order.filter((key) => key in own).map((key) => [key, own[key]]));
};

/** The events of each stream in order. Throws where revisions have a hole. */
export function byStream(events: readonly CorpusEvent[]): Map<string, CorpusEvent[]> {
  const streams = new Map<string, CorpusEvent[]>();
  for (const event of [...events].sort((a, b) => a.revision - b.revision)) {
    const line = streams.get(event.stream) ?? [];
    if (event.revision !== line.length) {
      throw new Error(`${event.stream} has ${event.revision} where ${line.length} is next`);
    }
    streams.set(event.stream, [...line, event]);
  }
  return new Map([...streams].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What everything that folds events makes of each stream of the corpus, as JSON. */
export async function foldsOf(events: readonly CorpusEvent[]): Promise<Record<string, unknown>> {
  const folds: Record<string, unknown> = {};
  for (const [stream, line] of byStream(events)) {
    // A log for each: what others a corpus has must not change where these lie.
    const log = openMemoryLog();
    await log.append({ stream, expected: NO_STREAM, events: line.map(parsed) });
    const recorded = await log.read(stream, { after: -1, limit: 1_000_000 });
    const isSession = sessionIdOf(stream) !== undefined;
    const agentPipe = await Promise.all(recorded.map((event) => agentPipeOf(log, event)));
    folds[stream] = {
      events: recorded.map(({ type, v, data }) => ({ type, v, data })),
      ...(isSession && sessionFolds(recorded.map(asSessionEvent))),
      agentPipe: agentPipe.filter((one) => one !== undefined),
    };
    await log.close();
  }
  return JSON.parse(JSON.stringify(folds, plain)) as Record<string, unknown>;
}

const sessionFolds = (events: readonly SessionEvent[]): object => ({
  view: events.reduce<ReturnType<typeof evolveOpenView> | undefined>(evolveOpenView, undefined),
  state: events.reduce(evolve, initialState()),
  rows: Object.fromEntries(projections.map((one) => [one.name, rowsOf(one, events)])),
});

function rowsOf(projection: Projection, events: readonly SessionEvent[]): object {
  const rows: Record<string, unknown> = {};
  for (const event of events) {
    for (const key of projection.keys(event)) {
      rows[key] = projection.evolve(rows[key] as never, event, key);
    }
  }
  return rows;
}

async function agentPipeOf(
  log: EventLog,
  event: Parameters<AgentPipeEncoder['encode']>[0],
): Promise<unknown> {
  const block = await new AgentPipeEncoder(log).encode(event);
  // The line after it is a cursor, in which the log's epoch is.
  const [line = ''] = block?.toString().split('\n') ?? [];
  return line === '' ? undefined : (JSON.parse(line.slice('data: '.length)) as unknown);
}

/** Maps and sets as lists, which JSON has. */
const plain = (_key: string, value: unknown): unknown =>
  value instanceof Map || value instanceof Set ? [...value] : value;
