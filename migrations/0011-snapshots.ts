import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Folded parts of long streams. A cache: the table may be emptied at any time. */
export class Snapshots0000000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // json, not jsonb: a fold must come back as it was, with a NUL in what a producer sent.
    await runner.query(`
      create table snapshots (
        fold text collate "C" not null,
        version integer not null,
        stream text collate "C" not null,
        first_revision integer not null,
        last_revision integer not null,
        event_id text not null,
        data json not null,
        primary key (fold, version, stream, first_revision)
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table snapshots');
  }
}
