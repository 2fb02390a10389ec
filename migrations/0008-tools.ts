import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The tool calls of sessions. */
export class Tools0000000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table tools (
        session_id text collate "C" not null,
        call_id text collate "C" not null,
        revision integer not null,
        at text collate "C" not null,
        state text not null,
        tool text not null,
        input json,
        message_id text,
        participant_id text,
        output text not null,
        output_length bigint not null,
        exit_code bigint,
        error text,
        duration_ms double precision,
        called_revision integer not null,
        called_at text collate "C" not null,
        finished_at text collate "C",
        extra json not null,
        primary key (session_id, call_id)
      );
      create index tools_in_order on tools (session_id, called_revision);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table tools');
  }
}
