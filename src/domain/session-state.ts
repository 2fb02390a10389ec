import type { Activity, Assembly, EventData, SessionSource } from '@playhead/contract';

/** Of the fold that makes a state of events; raised whenever it gives another result. */
export const STATE_VERSION = 3;

/** Where a session is in its life, as far as commands are concerned. */
export type Lifecycle = 'none' | 'active' | 'idle' | 'ended';

/** A message that is being written. */
export interface OpenMessage {
  readonly started: EventData<'message.started'>;
  readonly assembly: Assembly;
}

/** A command that appended. */
export interface AppendedCommand {
  /** Of its last event. */
  readonly revision: number;
  /** Of what was asked, when it was asked with a key: another body under the key is refused. */
  readonly digest: string | undefined;
}

/**
 * What deciding needs to know of a session. It has one owner: `evolve` moves it on, and the old
 * value must not be used after that, so that remembering one more of 100,000 messages costs the
 * same as the first.
 */
export interface SessionState {
  /** Of the last event, -1 before the first. */
  readonly revision: number;
  /** `meta.at` of the last event. */
  readonly at: string;
  readonly source: SessionSource | undefined;
  readonly lifecycle: Lifecycle;
  readonly activity: Activity;
  /** The highest place of a message; the next one posted goes behind it. */
  readonly sequence: number;
  /** Fingerprint of the content of each message that is whole or has failed. */
  readonly messages: ReadonlyMap<string, number>;
  readonly openMessages: ReadonlyMap<string, OpenMessage>;
  /** Ids of those who joined, declared or not. */
  readonly participants: ReadonlySet<string>;
  readonly toolCalls: ReadonlyMap<string, 'running' | 'finished'>;
  readonly commands: ReadonlyMap<string, AppendedCommand>;
}

/** A session before its first event. */
export const initialState = (): SessionState => ({
  revision: -1,
  at: '',
  source: undefined,
  lifecycle: 'none',
  activity: 'idle',
  sequence: 0,
  messages: new Map(),
  openMessages: new Map(),
  participants: new Set(),
  toolCalls: new Map(),
  commands: new Map(),
});

/** Roughly what a state takes in memory, in bytes. */
export function sizeOf(state: SessionState): number {
  let size =
    1_000 +
    200 * state.commands.size +
    120 * (state.messages.size + state.participants.size + state.toolCalls.size);
  for (const { assembly } of state.openMessages.values()) {
    size += 1_000 + 2 * assembly.text.length;
    for (const { text } of assembly.ahead) size += 100 + 2 * text.length;
  }
  return size;
}

/** Tells contents apart without keeping them (FNV-1a, 32 bits). */
export function fingerprint(content: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < content.length; at += 1) {
    hash = Math.imul(hash ^ content.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}
