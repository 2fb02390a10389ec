import type { EventData, EventMeta, SessionEventType } from '@playhead/contract';

/** An event before it has a place in the log. */
export type SessionFact = {
  [Type in SessionEventType]: { readonly type: Type; readonly data: EventData<Type> };
}[SessionEventType];

/** What a fact says in its event's meta where the command has no one answer for all its facts. */
export type FactMeta = Pick<EventMeta, 'occurredAt' | 'replaced'>;

/** A fact as it was decided. */
export type DecidedFact = SessionFact & { readonly meta?: FactMeta };

/** The facts a command leads to, none when there is nothing new in it. */
export interface Decision {
  readonly facts: readonly DecidedFact[];
  /** Another message has this id already: the first one stands. */
  readonly keptFirst?: true;
}

/** Some facts and no remark. */
export const decisionOf = (...facts: readonly SessionFact[]): Decision => ({ facts });

/** The command is all right and changes nothing. */
export const nothingNew: Decision = { facts: [] };

/** Without the fields that are undefined, so that events hold only what was said. */
export const definedFields = <Fields extends Record<string, unknown>>(fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Fields;
