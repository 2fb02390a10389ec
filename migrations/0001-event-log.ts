import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The event log: its table, its identity and the one way to append to it. */
export class EventLog0000000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(tables);
    await runner.query(appendEvents);
  }

  async down(): Promise<void> {
    throw new Error('the event log is the truth of the service: drop the database by hand');
  }
}

const tables = `
  -- json, not jsonb: it keeps the text as it came, with \\u0000 and lone surrogates, at which jsonb
  -- fails and with it the whole batch.
  create table events (
    position bigint primary key,
    stream text collate "C" not null,
    revision integer not null,
    id uuid not null,
    type text not null,
    v integer not null,
    bytes integer not null,
    data json not null,
    meta json not null,
    unique (stream, revision)
  );

  -- Written once. A row that every append updated would leave a dead version behind each time, and
  -- one long snapshot of this database, however idle, would keep them all in the way.
  create table log_identity (
    epoch uuid not null,
    only_row boolean primary key default true check (only_row)
  );
  insert into log_identity (epoch) values (gen_random_uuid());

  create table event_versions (
    type text not null,
    v integer not null,
    primary key (type, v)
  );
`;

/**
 * Stores a batch of appends, at most one a stream. Item i of `streams`, `expectations` (its last
 * revision, -1 for none, null for any) and `sizes` is an append; the other arrays hold the
 * events of all of them in order. An append that conflicts leaves the others alone.
 *
 * Answers an item an append. `lasts`: revision of the stream's last event before the call, -1 for
 * none. `befores`: position before the append's first event, null when it was not stored.
 * `repeats`: null when all were stored; else where it says a position, these very ids were there
 * already, right after the expected revision, the last of them at that position.
 */
const appendEvents = `
  create function append_events(
    streams text[], expectations integer[], sizes integer[],
    ids uuid[], types text[], versions integer[], data_texts text[], meta_texts text[],
    out lasts integer[], out befores bigint[], out repeats bigint[]
  )
  language plpgsql
  -- A plan is kept from when the table was empty and reading all of it looked cheap.
  set enable_seqscan = off
  set enable_bitmapscan = off
  as $$
  declare
    head bigint;
    starts integer[];
  begin
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'append_events needs isolation level read committed, not %',
        current_setting('transaction_isolation') using errcode = 'invalid_transaction_state';
    end if;

    -- Held until commit, so positions become visible in their order and no reader skips one. A
    -- statement of its own: read committed gives the next statement a new snapshot, which then
    -- holds everything that earlier owners of the lock have committed.
    perform pg_advisory_xact_lock(7203445169020846);

    select coalesce(max(position), 0) into head from events;

    lasts := array(
      select coalesce((select e.revision from events e where e.stream = a.stream
                       order by e.revision desc limit 1), -1)
      from unnest(streams) with ordinality as a (stream, n) order by n
    );

    select array_agg(start order by n), array_agg(case when fits then head + taken end order by n)
    into starts, befores
    from (
      select n, fits,
             coalesce(sum(size) over earlier, 0) as start,
             coalesce(sum(size) filter (where fits) over earlier, 0) as taken
      from (
        select n, size, expectation is null or expectation = last as fits
        from unnest(expectations, sizes, lasts) with ordinality as a (expectation, size, last, n)
      ) as judged
      window earlier as (order by n rows between unbounded preceding and 1 preceding)
    ) as placed;

    insert into events (position, stream, revision, id, type, v, bytes, data, meta)
    select before + k, stream, last + k, ids[start + k], types[start + k], versions[start + k],
           octet_length(data_texts[start + k]) + octet_length(meta_texts[start + k]),
           data_texts[start + k]::json, meta_texts[start + k]::json
    from unnest(befores, streams, lasts, starts, sizes) as a (before, stream, last, start, size),
         generate_series(1, size) as k
    where before is not null;

    if array_position(befores, null) is not null then
      repeats := array(
        select case when before is null then (
          select max(e.position)
          from events e
          where e.stream = a.stream
            and e.revision > expectation and e.revision <= expectation + size
            and e.id = ids[start + e.revision - expectation]
          having count(*) = size
        ) end
        from unnest(befores, streams, expectations, sizes, starts) with ordinality
               as a (before, stream, expectation, size, start, n)
        order by n
      );
    end if;
  end $$;
`;
