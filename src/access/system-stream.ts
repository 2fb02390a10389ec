import { randomUUID } from 'node:crypto';
import { eventTypes, type EventData, type EventType } from '@playhead/contract';
import { LogError, NO_STREAM, type EventLog, type RecordedEvent } from '../log/event-log.ts';
import { pagesOf } from '../log/pages.ts';

const STREAM = 'system';

/** How often an append is tried when others append at the same time. */
const TRIES_MAX = 20;

const PAGES = { limit: 1_000, bytesMax: 4 * 1024 * 1024 };

type SystemType = Extract<EventType, `key.${string}` | `projection.${string}`>;
type SystemFact = { [Type in SystemType]: { type: Type; data: EventData<Type> } }[SystemType];

/** Appends to the stream of what happens to the service itself. Throws `LogError`. */
export async function appendToSystem(
  log: EventLog,
  fact: SystemFact,
  actor: string,
): Promise<void> {
  await withoutConflict(async () => {
    const last = await log.last(STREAM);
    await append(log, fact, actor, last?.revision ?? NO_STREAM);
  });
}

/**
 * Appends what became of a key or an event, unless the stream tells it already. Throws `LogError`.
 */
export async function recordOnce(log: EventLog, fact: SystemFact, actor: string): Promise<void> {
  await withoutConflict(async () => {
    let last = NO_STREAM;
    for await (const page of pagesOf(log, STREAM, { after: NO_STREAM, ...PAGES })) {
      if (page.some((event) => isToldBy(event, fact))) return;
      last = page.at(-1)?.revision ?? last;
    }
    await append(log, fact, actor, last);
  });
}

/** The key that an event says was revoked; `undefined` for all other events. */
export const revokedKeyIn = (event: RecordedEvent): string | undefined =>
  dataIn(event, 'key.revoked')?.keyId;

/** Whether an event is of the same type and about the same thing. */
function isToldBy(event: RecordedEvent, { type, data }: SystemFact): boolean {
  if (type !== 'projection.event-skipped') return dataIn(event, type)?.keyId === data.keyId;
  const found = dataIn(event, type);
  return found?.projection === data.projection && found.eventId === data.eventId;
}

function dataIn<Type extends SystemType>(
  { stream, type, data }: RecordedEvent,
  wanted: Type,
): EventData<Type> | undefined {
  if (stream !== STREAM || type !== wanted) return undefined;
  return eventTypes[wanted].data.safeParse(data).data as EventData<Type> | undefined;
}

async function append(
  log: EventLog,
  fact: SystemFact,
  actor: string,
  expected: number,
): Promise<void> {
  const id = randomUUID();
  const meta = { at: new Date().toISOString(), actor, commandId: id };
  const { v } = eventTypes[fact.type];
  await log.append({ stream: STREAM, expected, events: [{ ...fact, id, v, meta }] });
}

/** Somebody else's append in between is no reason to give up: the stream is read again. */
async function withoutConflict(work: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await work();
      return;
    } catch (failure) {
      const isConflict = failure instanceof LogError && failure.code === 'conflict';
      if (!isConflict || tries >= TRIES_MAX) throw failure;
    }
  }
}
