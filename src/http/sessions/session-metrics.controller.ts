import { Controller, Get, Inject, Query } from '@nestjs/common';
import { dollars } from '@playhead/contract';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import {
  groupMetrics,
  metricGroups,
  sessionTotals,
  type DayRange,
} from '../../../projections/session-metrics/metrics.ts';
import type { Config, Limits } from '../../config.ts';
import { CONFIG, DATABASE } from '../../tokens.ts';
import { chosen } from '../conversations/conversation-queries.ts';
import { Documented } from '../documents/documented.ts';
import { Problem } from '../problem.ts';
import { readQuery, time, wholeNumber } from '../query-parameters.ts';
import { RequiresScope } from '../requires-scope.ts';

const LAST_DAY = '9999-12-31';
const DAY_MS = 24 * 60 * 60 * 1_000;

/** The day of a time, in UTC. */
const dayOf = time.transform((instant) => instant.slice(0, 10));

/** The day after; the last one has none. */
const dayAfter = (day: string): string | undefined =>
  day === LAST_DAY ? undefined : new Date(Date.parse(day) + DAY_MS).toISOString().slice(0, 10);

const summaryQuery = z.object({ startDate: chosen(dayOf), endDate: chosen(dayOf) });

const metricsQuery = ({ pageNumberMax, metricGroupsMax, metricGroupsDefault }: Limits) =>
  z.strictObject({
    groupBy: z.enum(metricGroups).default('day'),
    from: z.iso.date().optional(),
    to: z.iso.date().optional(),
    page: wholeNumber(1, pageNumberMax).default(1),
    limit: wholeNumber(1, metricGroupsMax).default(metricGroupsDefault),
  });

/** What sessions used, summed up: `projections/session-metrics` keeps the sums. */
@Controller('api/metrics')
@RequiresScope('read')
export class SessionMetricsController {
  readonly #limits: Limits;
  readonly #metricsQuery;

  constructor(
    @Inject(CONFIG) { limits }: Config,
    @Inject(DATABASE) private readonly database: DataSource,
  ) {
    this.#limits = limits;
    this.#metricsQuery = metricsQuery(limits);
  }

  @Get('summary')
  @Documented({
    summary: 'What the sessions that started in some days used, as AgentPipe sums it up',
    query: () => summaryQuery,
  })
  async summary(@Query() query: unknown) {
    const { startDate, endDate } = readQuery(summaryQuery, query);
    const range: DayRange = { from: startDate, to: endDate && dayAfter(endDate) };
    const request = { page: 1, limit: this.#limits.topAgentsMax };
    const [totals, agents] = await Promise.all([
      sessionTotals(this.database, range),
      groupMetrics(this.database, 'agentType', range, request, { isNamed: true }),
    ]);
    const { sessions } = totals;
    return {
      totalConversations: sessions,
      activeConversations: totals.active,
      totalMessages: totals.messages,
      totalTokens: totals.tokens,
      totalCost: dollars(totals.costNano),
      averageConversationDuration: sessions === 0 ? 0 : Math.round(totals.durationMs / sessions),
      topAgents: agents.groups.map(({ group, sessions: count, costNano }) => ({
        ...{ type: group, count, totalCost: dollars(costNano) },
      })),
    };
  }

  @Get('sessions')
  @Documented({
    summary: 'Sessions, messages, tokens, cost and duration by day (UTC), agent type or model',
    query: metricsQuery,
  })
  async sessions(@Query() query: unknown) {
    const { groupBy, page, limit, ...range } = readQuery(this.#metricsQuery, query);
    if (range.from !== undefined && range.to !== undefined && range.from > range.to) {
      throw new Problem('invalid', 'to: must not lie before from', 'to');
    }
    const { groups, total } = await groupMetrics(this.database, groupBy, range, { page, limit });
    return {
      metrics: groups.map(({ group, costNano, ...used }) => ({
        ...{ [groupBy]: group, ...used, cost: dollars(costNano) },
      })),
      pagination: { page, limit, total, totalPages: Math.ceil(total / limit) },
    };
  }
}
