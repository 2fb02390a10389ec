import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who takes part in sessions. */
export class Participants0000000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table participants (
        session_id text collate "C" not null,
        participant_id text collate "C" not null,
        revision integer not null,
        at text collate "C" not null,
        kind text not null,
        declared boolean not null,
        index bigint,
        name text,
        agent_type text,
        agent_version text,
        cli_version text,
        model text,
        prompt text,
        joined_at text collate "C",
        left_at text collate "C",
        extra json not null,
        primary key (session_id, participant_id)
      );
      create index participants_in_order on participants (session_id, index, participant_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table participants');
  }
}
