import type { Activity, SessionStatus } from '@playhead/contract';
import type { Values } from './values.ts';

/** Agent types and models, of either of which one must be that of a participant. */
export interface ParticipantFilter {
  readonly agentTypes?: readonly string[] | undefined;
  readonly models?: readonly string[] | undefined;
}

/** What a number must lie between, both included. */
export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What narrows the list of sessions: all filters must hold, each by one of its values. */
export interface SessionFilter {
  /** The last state that was set. */
  readonly state?: readonly Activity[] | undefined;
  /** Labels that must all be there, with these values. */
  readonly labels?: readonly (readonly [key: string, value: string])[] | undefined;
  /** That some participant has. */
  readonly agentType?: readonly string[] | undefined;
  /** Of the session or of some participant. */
  readonly model?: readonly string[] | undefined;
  /** The earliest start, as `comparableInstant` writes it. */
  readonly from?: string | undefined;
  /** What the start must lie before. */
  readonly to?: string | undefined;
  readonly status?: readonly SessionStatus[] | undefined;
  readonly source?: readonly string[] | undefined;
  readonly mode?: string | undefined;
  /** No other sessions. */
  readonly ids?: readonly string[] | undefined;
  /** That some one participant has, of each one of the values. */
  readonly participant?: ParticipantFilter | undefined;
  /** Bounds of a session's totals, both included; costs in nano-dollars. */
  readonly tokens?: Bounds | undefined;
  readonly cost?: Bounds | undefined;
  /** Part of the name or the prompt, in upper or lower case. */
  readonly search?: string | undefined;
}

/** Conditions on the table of sessions, there called `session`. */
export interface Conditions {
  /** Those for which an index gives the sessions by their start. */
  readonly byIndex: readonly string[];
  readonly others: readonly string[];
}

/** What a filter demands of a session. */
export function conditionsOf(filter: SessionFilter, values: Values): Conditions {
  const byIndex: string[] = [];
  const others: string[] = [];
  const either = (column: string, wanted: readonly string[] | undefined): void => {
    const [only, ...more] = wanted ?? [];
    if (only === undefined) return;
    if (more.length > 0) others.push(`session.${column} = any(${values.add(wanted)}::text[])`);
    else byIndex.push(`session.${column} = ${values.add(only)}`);
  };
  either('status', filter.status);
  either('source', filter.source);
  if (filter.from) byIndex.push(`session.started_at >= ${values.add(filter.from)}`);
  if (filter.to) byIndex.push(`session.started_at < ${values.add(filter.to)}`);
  if (filter.state) others.push(`session.activity = any(${values.add(filter.state)}::text[])`);
  for (const [key, value] of filter.labels ?? []) {
    const label = values.add(JSON.stringify({ [key]: value }));
    others.push(`session.labels::jsonb @> ${label}::jsonb`);
  }
  if (filter.agentType) {
    const wanted = values.add(filter.agentType);
    others.push(`session.session_id in (
      select session_id from participants where agent_type = any(${wanted}::text[]))`);
  }
  if (filter.model) {
    const wanted = values.add(filter.model);
    others.push(`session.session_id in (
      select session_id from participants where model = any(${wanted}::text[])
      union all select session_id from sessions where model = any(${wanted}::text[]))`);
  }
  if (filter.mode !== undefined) others.push(`session.mode = ${values.add(filter.mode)}`);
  if (filter.ids) others.push(`session.session_id = any(${values.add(filter.ids)}::text[])`);
  if (filter.participant) others.push(someParticipant(filter.participant, values));
  for (const column of ['tokens', 'cost'] as const) {
    const bounds = filter[column];
    if (bounds) others.push(totalWithin(column, bounds, values));
  }
  if (filter.search) {
    const pattern = values.add(`%${filter.search.replace(/[\\%_]/g, '\\$&')}%`);
    others.push(`(session.name ilike ${pattern} or session.prompt ilike ${pattern})`);
  }
  return { byIndex, others };
}

const someParticipant = ({ agentTypes, models }: ParticipantFilter, values: Values): string => {
  const either = (column: string, wanted: readonly string[] | undefined): string[] =>
    wanted ? [`${column} = any(${values.add(wanted)}::text[])`] : [];
  const conditions = [...either('agent_type', agentTypes), ...either('model', models)];
  return `session.session_id in (select session_id from participants where ${all(conditions)})`;
};

/** Totals are looked for where lists are ordered by them: there is an index of each. */
const totalWithin = (column: string, { min, max }: Bounds, values: Values): string => {
  const conditions = [
    ...(min === undefined ? [] : [`${column} >= ${values.add(min)}::float8`]),
    ...(max === undefined ? [] : [`${column} <= ${values.add(max)}::float8`]),
  ];
  return `session.session_id in (select session_id from session_order where ${all(conditions)})`;
};

/** Conditions of which all must hold. */
export const all = (conditions: readonly string[]): string =>
  conditions.length > 0 ? conditions.join(' and ') : 'true';
