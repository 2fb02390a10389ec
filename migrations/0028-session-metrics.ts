import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What each session used, by day, agent type and model, and the sums over all sessions. */
export class SessionMetrics0000000000028 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table session_metrics (
        session_id text collate "C" primary key,
        revision integer not null,
        started_at text collate "C" not null,
        declared boolean not null,
        ended_at text collate "C",
        ended_as text,
        error_at text collate "C",
        status text collate "C" not null,
        cells json not null
      );
      create table session_metrics_rollup (
        kind text collate "C" not null,
        day text collate "C" not null,
        agent_type text collate "C" not null,
        model text collate "C" not null,
        sessions numeric not null,
        active numeric not null,
        messages numeric not null,
        tokens numeric not null,
        input_tokens numeric not null,
        output_tokens numeric not null,
        cache_read_tokens numeric not null,
        cache_write_tokens numeric not null,
        reasoning_tokens numeric not null,
        cost_nano numeric not null,
        duration_ms numeric not null,
        primary key (kind, day, agent_type, model)
      ) with (fillfactor = 50);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table session_metrics_rollup, session_metrics');
  }
}
