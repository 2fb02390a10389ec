import type { SessionEvent } from '@playhead/contract';
import type { AppendedCommand, OpenMessage, SessionState } from './session-state.ts';

/** Whatever some events of a session speak of, so that a part of its state can be separated. */
export interface Touched {
  readonly commands: Set<string>;
  readonly messages: Set<string>;
  readonly toolCalls: Set<string>;
}

/** Nothing yet. */
export const nothingTouched = (): Touched => ({
  commands: new Set(),
  messages: new Set(),
  toolCalls: new Set(),
});

/** Notes what an event speaks of. */
export function touch(touched: Touched, { data, meta }: SessionEvent): void {
  const { messageId, callId } = (data ?? {}) as { messageId?: unknown; callId?: unknown };
  touched.commands.add(meta.commandId);
  if (typeof messageId === 'string') touched.messages.add(messageId);
  if (typeof callId === 'string') touched.toolCalls.add(callId);
}

type Entry<Value> = readonly [key: string, value: Value];

/**
 * A state without what only earlier events than some have touched: small, however long the session
 * is. It survives JSON.
 */
export interface StateSnapshot extends Pick<
  SessionState,
  'at' | 'source' | 'lifecycle' | 'activity' | 'sequence'
> {
  readonly openMessages: readonly Entry<OpenMessage>[];
  readonly participants: readonly string[];
  readonly messages: readonly Entry<number>[];
  readonly toolCalls: readonly Entry<'running' | 'finished'>[];
  readonly commands: readonly Entry<AppendedCommand>[];
}

/** What the events that touched this have made of the state. */
export const snapshotOf = (state: SessionState, touched: Touched): StateSnapshot => ({
  at: state.at,
  source: state.source,
  lifecycle: state.lifecycle,
  activity: state.activity,
  sequence: state.sequence,
  openMessages: [...state.openMessages],
  participants: [...state.participants],
  messages: picked(state.messages, touched.messages),
  toolCalls: picked(state.toolCalls, touched.toolCalls),
  commands: picked(state.commands, touched.commands),
});

/** The state after the last event of a part. Parts may overlap; takes ownership of `state`. */
export const withSnapshot = (
  state: SessionState,
  revision: number,
  { messages, toolCalls, commands, openMessages, participants, ...rest }: StateSnapshot,
): SessionState => ({
  ...rest,
  // JSON leaves out what is undefined.
  source: rest.source,
  revision,
  openMessages: new Map(openMessages),
  participants: new Set(participants),
  messages: extended(state.messages, messages),
  toolCalls: extended(state.toolCalls, toolCalls),
  commands: extended(state.commands, commands),
});

function picked<Value>(from: ReadonlyMap<string, Value>, keys: Iterable<string>): Entry<Value>[] {
  return [...keys].flatMap((key) => {
    const value = from.get(key);
    return value === undefined ? [] : [[key, value] as const];
  });
}

function extended<Value>(
  owned: ReadonlyMap<string, Value>,
  entries: readonly Entry<Value>[],
): ReadonlyMap<string, Value> {
  const map = owned as Map<string, Value>;
  for (const [key, value] of entries) map.set(key, value);
  return map;
}
