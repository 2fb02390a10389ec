import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What searches go through: one table for all that can be found, with words of our own making. */
export class SearchEntries0000000000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // New entries wait in a list that each search reads too, so it is kept short.
    await runner.query(`
      create table search_entries (
        session_id text collate "C" not null,
        entry text collate "C" not null,
        revision integer not null,
        at text collate "C" not null,
        words tsvector not null,
        pending json,
        primary key (session_id, entry)
      );
      create index search_entries_newest on search_entries (at, session_id, entry);
      create index search_entries_by_word on search_entries using gin (words)
        with (gin_pending_list_limit = 1024);
      drop index messages_by_word, messages_newest;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create index messages_newest on messages (occurred_at, session_id, message_id);
      create index messages_by_word on messages
        using gin (to_tsvector('simple', left(content, 100000)));
      drop table search_entries;
    `);
  }
}
