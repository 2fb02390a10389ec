import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Read models that are rebuilt beside the ones that are read. */
export class Rebuilds0000000000025 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      alter table checkpoints
        add column mixed boolean not null default false,
        add column retired_at timestamptz;
      create table rebuilds (
        projection text collate "C" primary key,
        job uuid not null,
        version integer not null,
        epoch text not null,
        phase text not null,
        automatic boolean not null,
        dry_run boolean not null,
        accepted text[] not null default '{}',
        through text collate "C" not null,
        through_event text,
        through_stream text,
        through_revision integer,
        events_total bigint,
        compared json,
        error text,
        started_at timestamptz not null default now(),
        phase_at timestamptz not null default now()
      );
      create table rebuild_parts (
        job uuid not null,
        part integer not null,
        after_stream text collate "C" not null,
        until_stream text collate "C" not null,
        events bigint not null default 0,
        done boolean not null default false,
        primary key (job, part)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      drop schema if exists playhead_rebuild, playhead_previous cascade;
      drop table rebuild_parts, rebuilds;
      delete from checkpoints where name like '%@%';
      delete from parked where projection like '%@%';
      alter table checkpoints drop column mixed, drop column retired_at;
    `);
  }
}
