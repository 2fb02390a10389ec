import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is done about parked sessions, and what a check of the read models found. */
export class ParkedSessions0000000000023 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Raised when rows change while the position stands: whoever has read rows before must notice.
    await runner.query(`
      alter table checkpoints add column generation integer not null default 0;
      create table skipped_events (
        projection text collate "C" not null,
        event_id text collate "C" not null,
        session_id text collate "C" not null,
        revision integer not null,
        why text not null,
        at timestamptz not null default now(),
        primary key (projection, event_id)
      );
      create table differences (
        projection text collate "C" not null,
        session_id text collate "C" not null,
        key text collate "C" not null,
        column_name text collate "C" not null,
        kind text not null,
        revision integer,
        expected text,
        stored text,
        found_at timestamptz not null default now(),
        primary key (projection, session_id, key, column_name)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop table differences;
      drop table skipped_events;
      alter table checkpoints drop column generation;
    `);
  }
}
