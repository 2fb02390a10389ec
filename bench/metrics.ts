import pg from 'pg';
import type { Bench } from './support/bench.ts';
import { filledDatabase, latencies } from './support/filled-database.ts';
import { fillMetrics } from './support/measured-sessions.ts';
import { adminKey, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';

const ANSWERS = 500;
const WARM_UP_ANSWERS = 300;

const filled = filledDatabase(fillMetrics);

/** A read of metrics, another for each `nth`; one statement sums up the sessions' rows. */
interface Read {
  readonly name: string;
  readonly path: (nth: number) => string;
  readonly plain: string;
}

const usage = (by: string): string => `
  select ${by}, count(distinct session_id), sum(messages), sum(tokens), sum("costNano")
  from session_metrics as one, json_to_recordset(one.cells) as cell (day text, "agentType" text,
    model text, messages numeric, tokens numeric, "costNano" numeric)
  group by ${by}`;

/** Days of the month in which a range begins. */
const day = (nth: number): string => String(1 + (nth % 28)).padStart(2, '0');

const reads: readonly Read[] = [
  {
    name: 'summary',
    path: () => '/api/metrics/summary',
    plain: usage(`one.status = 'ACTIVE'`),
  },
  {
    name: 'summary-of-days',
    path: (nth) => `/api/metrics/summary?startDate=2026-06-${day(nth)}&endDate=2026-09-${day(nth)}`,
    plain: usage(`one.status = 'ACTIVE'`),
  },
  { name: 'day', path: () => '/api/metrics/sessions?groupBy=day', plain: usage('day') },
  {
    name: 'agentType',
    path: (nth) => `/api/metrics/sessions?groupBy=agentType&from=2026-01-${day(nth)}`,
    plain: usage('"agentType"'),
  },
  { name: 'model', path: () => '/api/metrics/sessions?groupBy=model', plain: usage('model') },
];

/** Metrics over HTTP, one answer at a time; beside them one statement over all sessions. */
export const metricsBenches: readonly Bench[] = reads.map(({ name, path, plain }) => ({
  name: `metrics.${name}`,
  async run(context) {
    const url = await filled(context);
    const service = await startService(url);
    const ask = (nth: number): Promise<void> => answered(`${service.url}${path(nth)}`);
    const measure = async (): Promise<number[]> => {
      await latencies(WARM_UP_ANSWERS, ask);
      return latencies(ANSWERS, ask);
    };
    const ours = await measure().finally(() => service.stop());
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    const plainly = await latencies(3, () => client.query(plain));
    await client.end();
    return [
      { name: 'p50', value: quantile(ours, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours, 0.99), unit: 'ms' },
      { name: 'plain.p50', value: quantile(plainly, 0.5), unit: 'ms' },
    ];
  },
}));

async function answered(url: string): Promise<void> {
  const answer = await fetch(url, { headers: { authorization: `Bearer ${adminKey}` } });
  const text = await answer.text();
  if (answer.status !== 200 || /:\[\]/.test(text)) throw new Error(`${answer.status} ${text}`);
}
