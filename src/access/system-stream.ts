import { randomUUID } from 'node:crypto';
import { eventTypes, type EventData, type EventType } from '@playhead/contract';
import { NO_STREAM, type EventLog } from '../log/event-log.ts';

const STREAM = 'system';

type SystemFact = {
  [Type in Extract<EventType, `key.${string}`>]: { type: Type; data: EventData<Type> };
}[Extract<EventType, `key.${string}`>];

/** Appends to the stream of what happens to the service itself. Throws `LogError`. */
export async function appendToSystem(log: EventLog, fact: SystemFact): Promise<void> {
  const id = randomUUID();
  const last = await log.last(STREAM);
  await log.append({
    stream: STREAM,
    expected: last?.revision ?? NO_STREAM,
    events: [
      {
        ...fact,
        id,
        v: eventTypes[fact.type].v,
        meta: { at: new Date().toISOString(), actor: 'system', commandId: id },
      },
    ],
  });
}
