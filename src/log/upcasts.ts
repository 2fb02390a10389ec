import type { NewEvent } from './event-log.ts';

/** Lifts the data of one version of an event type to the next version. Pure. */
export type Upcast = (data: unknown) => unknown;

/** By event type, then by the version that is lifted to the one after it. */
export type Upcasts = Readonly<Record<string, Readonly<Record<number, Upcast>>>>;

/** Every shape that events once had. Nothing is ever removed: the log holds them for good. */
export const upcasts: Upcasts = {};

const upcastOf = (registry: Upcasts, type: string, v: number): Upcast | undefined =>
  Object.hasOwn(registry, type) ? registry[type]?.[v] : undefined;

/**
 * The event in the newest shape the registry leads to. Types and versions it does not know pass
 * untouched, and so does data at which an upcast fails: one event must not stop those behind it.
 * What is stored never changes.
 */
export function upcast<Event extends NewEvent>(event: Event, registry: Upcasts = upcasts): Event {
  let { v, data } = event;
  try {
    for (let lift; (lift = upcastOf(registry, event.type, v)); v += 1) data = lift(data);
  } catch {
    return event;
  }
  return v === event.v ? event : { ...event, v, data };
}

/** The version that an event of this type and version is read as. */
export function versionRead(type: string, v: number, registry: Upcasts = upcasts): number {
  let read = v;
  while (upcastOf(registry, type, read)) read += 1;
  return read;
}
