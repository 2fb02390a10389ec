import { eventTypes } from '@playhead/contract';
import type pg from 'pg';

/** Events of one session of a filled log: its start, a participant, then messages. */
export const EVENTS_PER_SESSION = 20;

/**
 * Fills an empty log in Postgres, in the order of time: all sessions run at once, so that events of
 * one lie far apart. Messages have about 400 bytes, and every tenth session ends.
 */
export async function fillLog(client: pg.ClientBase, sessions: number): Promise<void> {
  await client.query(
    `insert into events (position, stream, revision, id, type, v, bytes, data, meta)
     select position, 'session-' || session, revision, gen_random_uuid(), type,
       case when type = 'message.posted' then ${eventTypes['message.posted'].v} else 1 end,
       octet_length(data) + octet_length(meta), data::json, meta::json
     from (
       select position, revision, md5(nth::text) as session,
         case when revision = 0 then 'session.started'
              when revision = 1 then 'participant.joined'
              when revision = 19 and nth % 10 = 0 then 'session.ended'
              else 'message.posted' end as type,
         case when revision = 0 then json_build_object('source', 'api', 'name', 'session ' || nth,
                'labels', json_build_object('team', 'team' || nth % 16))::text
              when revision = 1 then json_build_object('participantId', 'agent', 'kind', 'agent',
                'name', 'Agent', 'model', 'model-' || nth % 5)::text
              when revision = 19 and nth % 10 = 0 then '{"kind":"completed"}'
              else json_build_object('messageId', 'm' || revision, 'role', 'assistant',
                'source', 'agent', 'participantId', 'agent', 'sequence', revision,
                'content', repeat(md5(position::text) || ' ', 8), 'tokens', position % 1000,
                'costNano', position % 1000000)::text end as data,
         json_build_object('at', to_char(timestamp '2026-01-01' + position * interval '10 ms',
             'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), 'actor', 'key:bench',
           'commandId', md5(position::text))::text as meta
       from (
         select nth, revision::int, revision * $1::int + nth as position
         from generate_series(1, $1::int) as nth, generate_series(0, ${EVENTS_PER_SESSION - 1})
           as revision
       ) as counted
     ) as made
     order by position`,
    [sessions],
  );
  await client.query('vacuum analyze events');
}
