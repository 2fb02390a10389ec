import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What sessions are narrowed by and messages are searched by. */
export class FilterAndSearch0000000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index sessions_by_model on sessions (model, started_at, session_id);
      create index sessions_by_label on sessions using gin ((labels::jsonb) jsonb_path_ops);
      create index participants_by_agent_type on participants (agent_type, session_id);
      create index participants_by_model on participants (model, session_id);
      create index messages_newest on messages (occurred_at, session_id, message_id);
      -- A tsvector holds at most 1 MiB, and a row that cannot be indexed cannot be written; the
      -- words of so many characters always fit.
      create index messages_by_word on messages
        using gin (to_tsvector('simple', left(content, 100000)));
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop index messages_by_word, messages_newest, participants_by_model,
        participants_by_agent_type, sessions_by_label, sessions_by_model
    `);
  }
}
