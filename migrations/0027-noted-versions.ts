import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Versions of events were noted beside their append, and a crash in between lost the note. From now
 * on they are noted first; what the log holds already is noted here, for which it is read once.
 */
export class NotedVersions0000000000027 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      insert into event_versions (type, v) select distinct type, v from events
      on conflict do nothing
    `);
  }

  async down(): Promise<void> {
    // A version noted that the log holds is noted rightly: there is nothing to undo.
  }
}
