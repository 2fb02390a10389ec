import { rollupParts } from '../../projections/session-metrics/rollup.ts';
import { fillTables, SESSIONS } from './filled-database.ts';

/** Fills the read model of metrics of a migrated database. */
export const fillMetrics = (url: string): Promise<void> =>
  fillTables(url, ['session_metrics', 'session_metrics_rollup'], (client) => client.query(ROWS));

/** A number below `end` that looks random, the same for the same `n` and `salt`. */
const random = (salt: number, end: number): string =>
  `(abs(hashint8extended(n, ${salt})) % ${end})`;

/** Sessions start all through a year; a tenth goes on the next day. Each has up to three agents. */
const ROWS = `
  create temp table made as
  select n, timestamp '2026-01-01' + (n * 365.0 / ${SESSIONS}) * interval '1 day' as at
  from generate_series(1, ${SESSIONS}) as n;

  insert into session_metrics (session_id, revision, started_at, declared, status, cells)
  select 's' || n, 9, to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS".000000000Z"'), true,
    case when ${random(1, 50)} = 0 then 'ACTIVE' else 'COMPLETED' end,
    (select json_agg(json_build_object(
       'day', to_char(at + case when ${random(2, 10)} = 0 then agent else 0 end * interval '1 day',
         'YYYY-MM-DD'),
       'agentType', (array['claude', 'gemini', 'codex', 'qwen', 'amp', 'opencode'])
         [1 + (${random(3, 6)} + agent) % 6],
       'model', 'model-' || (${random(4, 20)} + agent) % 20,
       'messages', 1 + ${random(5, 40)}, 'tokens', ${random(6, 100_000)},
       'inputTokens', ${random(7, 80_000)}, 'outputTokens', ${random(8, 20_000)},
       'costNano', ${random(9, 1_000_000_000)}, 'durationMs', ${random(10, 600_000)}))
     from generate_series(0, ${random(11, 3)}::int) as agent)
  from made order by n;
  drop table made;

  insert into session_metrics_rollup
  select kind, day, agent_type, model, sum(sessions), sum(active), sum(messages), sum(tokens),
    sum(input_tokens), sum(output_tokens), sum(cost_nano), sum(duration_ms)
  from session_metrics as one, lateral (${rollupParts}) as part
  group by kind, day, agent_type, model;
`;
