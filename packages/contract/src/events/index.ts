import type { z } from 'zod';
import type { SessionEvent } from '../envelope.ts';
import { messageEvents } from './message.ts';
import { nodeEvents } from './node.ts';
import { participantEvents } from './participant.ts';
import { sessionEvents } from './session.ts';
import { toolEvents } from './tool.ts';

/** Every event type of a session's stream, with version and data schema. */
export const sessionEventTypes = {
  ...sessionEvents,
  ...participantEvents,
  ...messageEvents,
  ...toolEvents,
};

/** Every event type the service writes, whatever the stream. */
export const eventTypes = { ...sessionEventTypes, ...nodeEvents };

export type EventType = keyof typeof eventTypes;
export type SessionEventType = keyof typeof sessionEventTypes;

/** The data of an event type in its current version. */
export type EventData<Type extends EventType> = z.infer<(typeof eventTypes)[Type]['data']>;

/** An event of a session whose type and version this build knows. */
export type KnownSessionEvent = {
  [Type in SessionEventType]: SessionEvent<Type, EventData<Type>>;
}[SessionEventType];
