import type { NewEvent, RecordedEvent } from './event-log.ts';

/** Lifts the data of one version of an event type to the next: a new value, the old untouched. */
export type Upcast = (data: unknown) => unknown;

/** By event type, then by the version that is lifted to the one after it. */
export type Upcasts = Readonly<Record<string, Readonly<Record<number, Upcast>>>>;

/** Every shape that events once had. Nothing is ever removed: the log holds them for good. */
export const upcasts: Upcasts = {
  'message.posted': { 1: tokensAsUsage },
  'message.completed': { 1: tokensAsUsage },
  /** Version 2 may name attachments. */
  'tool.output': { 1: (data) => data },
  'tool.finished': {
    /** By the rule of the readers of version 1, which must stay as it was then. */
    1: (data) => {
      const { callId, ...rest } = data as ToolFinished1;
      const hasFailed = rest.error !== undefined || (rest.exitCode ?? 0) !== 0;
      return { callId, outcome: hasFailed ? 'failed' : 'finished', ...rest };
    },
  },
};

/** Version 1 of a message had two counts of tokens beside its other fields; others were unknown. */
function tokensAsUsage(data: unknown): unknown {
  const { inputTokens, outputTokens, ...rest } = data as Message1;
  if (inputTokens === undefined && outputTokens === undefined) return data;
  const usage = {
    ...(inputTokens !== undefined && { input: inputTokens }),
    ...(outputTokens !== undefined && { output: outputTokens }),
  };
  return Object.assign(rest, { usage });
}

/** What that lift needs of a message. */
interface Message1 {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/** What the lift of `tool.finished` 1 needs of it. */
interface ToolFinished1 {
  readonly callId: string;
  readonly exitCode?: number;
  readonly error?: string;
}

const upcastOf = (registry: Upcasts, type: string, v: number): Upcast | undefined =>
  Object.hasOwn(registry, type) ? registry[type]?.[v] : undefined;

/**
 * The event in the newest shape the registry leads to. Types and versions it does not know pass
 * untouched, and so does data at which an upcast fails: one event must not stop those behind it.
 * What is stored never changes, and goes along as `stored`.
 */
export function upcast<Event extends NewEvent>(
  event: Event,
  registry: Upcasts = upcasts,
): Event & Pick<RecordedEvent, 'stored'> {
  let { v, data } = event;
  try {
    for (let lift; (lift = upcastOf(registry, event.type, v)); v += 1) data = lift(data);
  } catch {
    return event;
  }
  return v === event.v ? event : { ...event, v, data, stored: { v: event.v, data: event.data } };
}

/** The version that an event of this type and version is read as. */
export function versionRead(type: string, v: number, registry: Upcasts = upcasts): number {
  let read = v;
  while (upcastOf(registry, type, read)) read += 1;
  return read;
}
