import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The messages of sessions. */
export class Messages0000000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table messages (
        session_id text collate "C" not null,
        message_id text collate "C" not null,
        revision integer not null,
        at text collate "C" not null,
        state text not null,
        role text not null,
        source text not null,
        participant_id text,
        agent_type text,
        agent_name text,
        model text,
        content text not null,
        chunks integer not null,
        ahead json not null,
        sequence bigint,
        turn bigint,
        tokens bigint,
        input_tokens bigint,
        output_tokens bigint,
        cost_nano bigint,
        duration_ms double precision,
        occurred_at text collate "C" not null,
        error text,
        extra json not null,
        primary key (session_id, message_id)
      );
      create index messages_in_order on messages (session_id, sequence, occurred_at, message_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table messages');
  }
}
