import { Column, Entity, PrimaryColumn } from 'typeorm';
import { byteOrder } from '../../src/projecting/columns.ts';
import { cellSums } from './cells.ts';

/**
 * What a sum is of.
 *
 * - `session`: sessions by the day on which they started, with all that they used on whatever day.
 * - `day`: what was used on a day.
 * - `agentType`, `model`: the same by one of these; and sessions by the day on which an agent of
 *   the type, or with the model, first took part in them.
 *
 * In each a session counts once, so sums over days never count it twice. Each is small, and a
 * question needs no more than two of them: by agent type and model at once there may be as many
 * sums as there are rows.
 */
export type RollupKind = 'session' | 'day' | 'agentType' | 'model';

/** Sums over all sessions. An empty text stands for an unknown one, or for all. */
@Entity('session_metrics_rollup')
export class SessionMetricsRollupRow {
  @PrimaryColumn(byteOrder)
  kind: RollupKind;

  @PrimaryColumn(byteOrder)
  day: string;

  @PrimaryColumn({ ...byteOrder, name: 'agent_type' })
  agentType: string;

  @PrimaryColumn(byteOrder)
  model: string;

  @Column('numeric')
  sessions: string;

  /** Sessions of which the status is `ACTIVE`. */
  @Column('numeric')
  active: string;

  @Column('numeric')
  messages: string;

  @Column('numeric')
  tokens: string;

  @Column('numeric', { name: 'input_tokens' })
  inputTokens: string;

  @Column('numeric', { name: 'output_tokens' })
  outputTokens: string;

  @Column('numeric', { name: 'cache_read_tokens' })
  cacheReadTokens: string;

  @Column('numeric', { name: 'cache_write_tokens' })
  cacheWriteTokens: string;

  @Column('numeric', { name: 'reasoning_tokens' })
  reasoningTokens: string;

  @Column('numeric', { name: 'cost_nano' })
  costNano: string;

  @Column('numeric', { name: 'duration_ms' })
  durationMs: string;
}

/** A property of a cell as the rollup names its sum. */
const columnOf = (property: string): string =>
  property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

const sums = cellSums.map((property) => ({ quoted: `"${property}"`, column: columnOf(property) }));

const counts = (of: (quoted: string) => string): string =>
  sums.map(({ quoted, column }) => `${of(quoted)} as ${column}`).join(', ');

/** What one row of `session_metrics`, called `one`, adds to the sums. */
export const rollupParts = `
  with cell as materialized (
    select day, coalesce("agentType", '') as agent_type, coalesce(model, '') as model,
      messages > 0 as speaks, ${sums.map(({ quoted }) => quoted).join(', ')}
    from json_to_recordset(one.cells) as cell (day text, "agentType" text, model text,
      ${sums.map(({ quoted }) => `${quoted} numeric`).join(', ')})
  )
  select 'session' as kind, left(one.started_at, 10) as day, '' as agent_type, '' as model,
    1::numeric as sessions, (one.status = 'ACTIVE')::int::numeric as active,
    ${counts((quoted) => `coalesce(sum(${quoted}), 0)`)}
  from cell
  union all
  select 'day', day, '', '', 0, 0, ${counts((quoted) => `sum(${quoted})`)} from cell group by day
  union all
  select 'agentType', day, agent_type, '', 0, 0, ${counts((quoted) => `sum(${quoted})`)}
  from cell group by day, agent_type
  union all
  select 'model', day, '', model, 0, 0, ${counts((quoted) => `sum(${quoted})`)}
  from cell group by day, model
  union all
  select 'agentType', min(day), agent_type, '', 1, 0, ${counts(() => '0')}
  from cell where agent_type <> '' or speaks group by agent_type
  union all
  select 'model', min(day), '', model, 1, 0, ${counts(() => '0')}
  from cell where model <> '' or speaks group by model`;
