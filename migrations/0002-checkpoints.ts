import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How far each read model is, and the sessions it had to set aside. */
export class Checkpoints0000000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table checkpoints (
        name text collate "C" primary key,
        version integer not null,
        epoch text not null,
        position text collate "C" not null,
        event_id text,
        stream text,
        revision integer
      );
      create table parked (
        projection text collate "C" not null,
        session_id text collate "C" not null,
        revision integer not null,
        event_id text not null,
        error text not null,
        at timestamptz not null default now(),
        primary key (projection, session_id)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table parked; drop table checkpoints');
  }
}
