import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The keys that open the service, by their hashes. */
export class Keys0000000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table keys (
        id text primary key,
        name text not null,
        hash bytea not null unique,
        scopes text[] not null,
        created_at timestamptz not null,
        revoked_at timestamptz
      )
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table keys');
  }
}
