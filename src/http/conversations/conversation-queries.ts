import {
  comparableInstant,
  instant,
  sessionStatuses,
  type SessionStatus,
} from '@playhead/contract';
import { z } from 'zod';
import type {
  SessionListOrder,
  SessionSort,
} from '../../../projections/session-list/list-sessions.ts';
import type { SessionFilter } from '../../../projections/session-list/session-filter.ts';
import type { Limits } from '../../config.ts';
import { plainText, time, wrongTime } from '../query-parameters.ts';

const VALUE_LENGTH_MAX = 1_000;

/** AgentPipe's pages send empty parameters for what is not chosen. */
export const chosen = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((given) => (given === '' ? undefined : given), schema.optional());

/** A whole number, brought within bounds as AgentPipe's server does. */
export const clamped = (max: number, fallback: number) =>
  chosen(
    z
      .string()
      .regex(/^-?\d{1,15}$/, 'must be a whole number')
      .transform((text) => Math.min(max, Math.max(1, Number(text)))),
  ).transform((number) => number ?? fallback);

const day = z.iso.date();

/** The latest time, included: a day for all of it. As an end that is not included. */
export const latest = z.union(
  [
    day.transform((date) => `${date}U`),
    // Times have one length, so nothing lies between this one and the one with a character more.
    instant.transform((text) => `${comparableInstant(text)} `),
  ],
  { error: wrongTime },
);

/** The columns of AgentPipe that its lists can be ordered by, and what they are here. */
const sorts = {
  createdAt: 'started',
  startedAt: 'started',
  updatedAt: 'lastActivity',
  name: 'name',
  totalMessages: 'messages',
  totalTokens: 'tokens',
  totalCost: 'cost',
  totalDuration: 'duration',
} as const satisfies Record<string, SessionSort>;

/** A column that a list can be ordered by: no other name gets near the database. */
export const sortColumn = z.enum(Object.keys(sorts) as [keyof typeof sorts]);
export const sortOrder = z.enum(['asc', 'desc']);

/** The order of a list, newest first where nothing is said. */
export const orderOf = (
  column: z.infer<typeof sortColumn> = 'createdAt',
  direction: z.infer<typeof sortOrder> = 'desc',
): SessionListOrder => ({ sort: sorts[column], direction });

/** The statuses that one of AgentPipe's stands for; none for what is no status. */
export const statusesOf = (status: string): readonly SessionStatus[] => {
  if (status === 'INTERRUPTED') return ['INTERRUPTED', 'TERMINATED'];
  return sessionStatuses.filter((known) => known === status);
};

const value = plainText(VALUE_LENGTH_MAX);

/** Parameters of the list of conversations; others are passed over. */
export const conversationsQuery = (limits: Limits) =>
  z.object({
    page: clamped(limits.pageNumberMax, 1),
    pageSize: chosen(clamped(limits.pageMax, limits.pageDefault)),
    limit: clamped(limits.pageMax, limits.pageDefault),
    status: chosen(value),
    mode: chosen(value),
    source: chosen(value),
    agentType: chosen(value),
    model: chosen(value),
    startDate: chosen(time),
    endDate: chosen(latest),
    sortBy: chosen(sortColumn),
    sort: chosen(sortColumn),
    sortOrder: chosen(sortOrder),
    order: chosen(sortOrder),
  });

/** Parameters of the list of a conversation's messages. */
export const messagesQuery = (limits: Limits) =>
  z.object({
    page: clamped(limits.pageNumberMax, 1),
    limit: clamped(limits.pageMax, limits.conversationMessagesDefault),
  });

/** Parameters of the newest messages. */
export const recentQuery = (limits: Limits) =>
  z.object({
    limit: clamped(limits.recentMessagesMax, limits.recentMessagesDefault),
    status: chosen(value),
  });

/** What narrows the list; a status that there is not is passed over, as AgentPipe's server does. */
export function filterOf(asked: z.infer<ReturnType<typeof conversationsQuery>>): SessionFilter {
  const { mode, source, agentType, model, startDate: from, endDate: to } = asked;
  const statuses = statusesOf(asked.status ?? '');
  const isOfParticipant = agentType !== undefined || model !== undefined;
  return {
    ...{ mode, from, to },
    status: statuses.length > 0 ? statuses : undefined,
    source: only(source),
    participant: isOfParticipant ? { agentTypes: only(agentType), models: only(model) } : undefined,
  };
}

const only = (wanted: string | undefined): readonly string[] | undefined =>
  wanted === undefined ? undefined : [wanted];
