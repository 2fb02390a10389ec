import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What happened in sessions, in the order in which each entry began. */
export class Timeline0000000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table timeline (
        session_id text collate "C" not null,
        entry text collate "C" not null,
        revision integer not null,
        started_revision integer not null,
        event json,
        primary key (session_id, entry)
      );
      create index timeline_in_order on timeline (session_id, started_revision);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table timeline');
  }
}
