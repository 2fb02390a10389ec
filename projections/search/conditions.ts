import type { SessionSource, SessionStatus } from '@playhead/contract';

/** What narrows a search; together, all must hold. */
export interface SearchFilter {
  readonly statuses?: readonly SessionStatus[] | undefined;
  readonly sources?: readonly SessionSource[] | undefined;
  /** One of them some participant of the session has. */
  readonly agentTypes?: readonly string[] | undefined;
  /** Bounds of an entry's time, as comparable instants; `to` is not included. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The values of a statement, each under the number it is given. */
export class Values {
  readonly list: unknown[] = [];

  /** The placeholder of a value. */
  add(value: unknown): string {
    return `$${this.list.push(value)}`;
  }
}

/** The part of a list of conditions that says when an entry was. */
export const during = ({ from, to }: Pick<SearchFilter, 'from' | 'to'>, values: Values): string =>
  [
    ...(from === undefined ? [] : [`at >= ${values.add(from)}`]),
    ...(to === undefined ? [] : [`at < ${values.add(to)}`]),
    'true',
  ].join(' and ');

/** The part of a list of conditions that a session must meet. */
export const ofSession = (alias: string, filter: SearchFilter, values: Values): string =>
  [
    ...(filter.statuses ? [`${alias}.status = any(${values.add(filter.statuses)})`] : []),
    ...(filter.sources ? [`${alias}.source = any(${values.add(filter.sources)})`] : []),
    ...(filter.agentTypes
      ? [
          `exists (select from participants where participants.session_id = ${alias}.session_id
            and agent_type = any(${values.add(filter.agentTypes)}))`,
        ]
      : []),
    'true',
  ].join(' and ');
