import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the list of sessions can be ordered by. */
export class SessionOrder0000000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      create table session_order (
        session_id text collate "C" primary key,
        revision integer not null,
        last_activity text collate "C" not null,
        messages double precision not null,
        tokens double precision not null,
        cost double precision not null,
        duration double precision not null,
        name text collate "C" not null,
        named boolean not null,
        declared boolean not null,
        started_at text collate "C" not null
      );
      create index session_order_by_last_activity on session_order (last_activity, session_id);
      create index session_order_by_messages on session_order (messages, session_id);
      create index session_order_by_tokens on session_order (tokens, session_id);
      create index session_order_by_cost on session_order (cost, session_id);
      create index session_order_by_duration on session_order (duration, session_id);
      create index session_order_by_name on session_order (name, session_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table session_order');
  }
}
