import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The append function as a loop, which costs half for batches of a few events, and one of its own
 * for a single event: what most batches are while the log keeps up.
 */
export class AppendInALoop0000000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(appendEvents);
    await runner.query(appendEvent);
  }

  async down(runner: QueryRunner): Promise<void> {
    // The other function before this took and answered the same: of it there is nothing to undo.
    await runner.query('drop function append_event');
  }
}

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
  create or replace function append_events(
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
    last integer;
    first integer := 1;
    -- Where each event goes; null for those that are not stored. Filled, since an array that grows
    -- from its second item on would have that one as its first.
    places bigint[] := array_fill(null::bigint, array[cardinality(ids)]);
    owners text[] := array_fill(null::text, array[cardinality(ids)]);
    revisions integer[] := array_fill(null::integer, array[cardinality(ids)]);
  begin
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'append_events needs isolation level read committed, not %',
        current_setting('transaction_isolation') using errcode = 'invalid_transaction_state';
    end if;

    -- Held until commit, so positions become visible in their order and no reader skips one. A
    -- statement of its own: read committed gives each later one a new snapshot, which then holds
    -- everything that earlier owners of the lock have committed.
    perform pg_advisory_xact_lock(7203445169020846);

    head := coalesce((select e.position from events e order by e.position desc limit 1), 0);

    for n in 1 .. cardinality(streams) loop
      last := coalesce((select e.revision from events e where e.stream = streams[n]
                        order by e.revision desc limit 1), -1);
      lasts[n] := last;
      befores[n] := null;
      if expectations[n] is null or expectations[n] = last then
        befores[n] := head;
        for event in first .. first + sizes[n] - 1 loop
          head := head + 1;
          last := last + 1;
          places[event] := head;
          owners[event] := streams[n];
          revisions[event] := last;
        end loop;
      end if;
      first := first + sizes[n];
    end loop;

    insert into events (position, stream, revision, id, type, v, bytes, data, meta)
    select place, owner, revision, id, type, v, octet_length(data) + octet_length(meta),
           data::json, meta::json
    from unnest(places, owners, revisions, ids, types, versions, data_texts, meta_texts)
           as event (place, owner, revision, id, type, v, data, meta)
    where place is not null;

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
        from (
          select *, sum(size) over (order by n) - size as start
          from unnest(befores, streams, expectations, sizes) with ordinality
                 as item (before, stream, expectation, size, n)
        ) as a
        order by n
      );
    end if;
  end $$;
`;

/**
 * Stores one event, as `append_events` does: under the same lock, in the same order. Answers the
 * position before it and the revision of the stream's last event before the call, or nulls when the
 * stream is elsewhere: then nothing was stored, and `append_events` tells why.
 */
const appendEvent = `
  create function append_event(
    of_stream text, expectation integer,
    event_id uuid, event_type text, version integer, data_text text, meta_text text,
    out last integer, out before bigint
  )
  language plpgsql
  set enable_seqscan = off
  set enable_bitmapscan = off
  as $$
  begin
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'append_event needs isolation level read committed, not %',
        current_setting('transaction_isolation') using errcode = 'invalid_transaction_state';
    end if;

    perform pg_advisory_xact_lock(7203445169020846);

    last := coalesce((select e.revision from events e where e.stream = of_stream
                      order by e.revision desc limit 1), -1);
    if expectation <> last then
      last := null;
      return;
    end if;
    before := coalesce((select e.position from events e order by e.position desc limit 1), 0);

    insert into events (position, stream, revision, id, type, v, bytes, data, meta)
    values (before + 1, of_stream, last + 1, event_id, event_type, version,
            octet_length(data_text) + octet_length(meta_text), data_text::json, meta_text::json);
  end $$;
`;
