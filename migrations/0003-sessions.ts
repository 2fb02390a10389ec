import { QueryFailedError, type MigrationInterface, type QueryRunner } from 'typeorm';

/** The list of sessions. */
export class Sessions0000000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createTrigrams(runner);
    // Every event of a session rewrites its row; with room on the page, and the indexed columns
    // unchanged, the new version needs no index entry.
    await runner.query(`
      create table sessions (
        session_id text collate "C" primary key,
        revision integer not null,
        at text collate "C" not null,
        status text collate "C" not null,
        activity text,
        activity_message text,
        idle boolean not null,
        declared boolean not null,
        source text collate "C" not null,
        name text,
        mode text,
        prompt text,
        model text,
        provider text,
        worker text,
        max_turns bigint,
        labels json not null,
        owner text,
        members json not null,
        started_at text collate "C" not null,
        last_activity_at text collate "C" not null,
        ended_at text collate "C",
        ended_as text,
        error_at text collate "C",
        error_message text,
        error_kind text,
        counted json not null,
        reported json,
        summary json,
        extra json not null
      ) with (fillfactor = 80);
      create index sessions_newest on sessions (started_at, session_id);
      create index sessions_by_status on sessions (status, started_at, session_id);
      create index sessions_by_source on sessions (source, started_at, session_id);
      create index sessions_by_status_and_source
        on sessions (status, source, started_at, session_id);
      create index sessions_by_text on sessions using gin (name gin_trgm_ops, prompt gin_trgm_ops);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('drop table sessions');
  }
}

const insufficientPrivilege = '42501';
const undefinedFile = '58P01';

async function createTrigrams(runner: QueryRunner): Promise<void> {
  try {
    await runner.query('create extension if not exists pg_trgm');
  } catch (failure) {
    const code = codeOf(failure);
    if (code !== insufficientPrivilege && code !== undefinedFile) throw failure;
    throw new Error(
      'Playhead searches with the Postgres extension pg_trgm, which this user may not create or ' +
        'this server does not have: install it (package postgresql-contrib) and let the owner of ' +
        'the database run "create extension pg_trgm"',
      { cause: failure },
    );
  }
}

const codeOf = (failure: unknown): unknown =>
  failure instanceof QueryFailedError
    ? (failure.driverError as { code?: unknown }).code
    : undefined;
