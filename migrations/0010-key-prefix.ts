import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What a key begins with: kept to tell keys apart, and to make one like another. */
export class KeyPrefix0000000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Every key made so far began with it.
    await runner.query(`alter table keys add prefix text not null default 'ph_'`);
    await runner.query('alter table keys alter prefix drop default');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table keys drop prefix');
  }
}
