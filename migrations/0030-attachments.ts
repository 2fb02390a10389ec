import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Attachments in pieces, uploads that are not whole yet, and which sessions refer to what. */
export class Attachments0000000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table attachments (
        hash text collate "C" primary key,
        type text not null,
        bytes bigint not null,
        piece_bytes integer not null,
        upload uuid not null unique,
        put_at timestamptz not null default now()
      );
      create index attachments_by_put on attachments (put_at);
      create table attachment_uploads (
        upload uuid primary key,
        begun_at timestamptz not null default now()
      );
      create table attachment_pieces (
        upload uuid not null,
        nth integer not null,
        data bytea not null,
        primary key (upload, nth)
      );
      alter table attachment_pieces alter column data set storage external;
      create table attachment_refs (
        session_id text collate "C" not null,
        hash text collate "C" not null,
        revision integer not null,
        primary key (session_id, hash)
      );
      create index attachment_refs_by_hash on attachment_refs (hash);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'drop table attachment_refs, attachment_pieces, attachment_uploads, attachments',
    );
  }
}
