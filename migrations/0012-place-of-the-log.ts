import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the log lay when it was last used, so that a copy of it is noticed. */
export class PlaceOfTheLog0000000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('alter table log_identity add place text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('alter table log_identity drop column place');
  }
}
