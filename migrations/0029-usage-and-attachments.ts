import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The read model, and the copy of it that may be kept for a rollback. */
const schemas = ['', 'playhead_previous.'] as const;

/**
 * What messages used beside input and output, and what messages and tool output refer to. With
 * defaults: nodes of the version before write rows without these columns.
 */
export class UsageAndAttachments0000000000029 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const schema of schemas) {
      await runner.query(`
        alter table if exists ${schema}messages
          add column usage json not null default
            '{"input":null,"output":null,"cacheRead":null,"cacheWrite":null,"reasoning":null}',
          add column attachments json not null default '[]';
        alter table if exists ${schema}tools
          add column attachments json not null default '[]'
      `);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const schema of schemas) {
      await runner.query(`
        alter table if exists ${schema}messages drop column usage, drop column attachments;
        alter table if exists ${schema}tools drop column attachments
      `);
    }
  }
}
