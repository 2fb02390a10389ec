import { fillTables, SESSIONS } from './filled-database.ts';

/** Fills the read models of a migrated database with sessions to list. */
export const fillListable = (url: string): Promise<void> =>
  fillTables(url, ['sessions', 'session_order', 'participants'], (client) => client.query(ROWS));

/** The n-th session starts n seconds after the first. */
const at = (n: string): string =>
  `to_char(timestamp '2026-11-01' + (${n}) * interval '1 second',
     'YYYY-MM-DD"T"HH24:MI:SS".000000000Z"')`;
/** A number below `end` that looks random, the same for the same `n` and `salt`. */
const random = (salt: number, end: number): string =>
  `(abs(hashint8extended(n, ${salt})) % ${end})`;

/**
 * Of every label there are few values, or many: a team has a sixteenth of all sessions, a user a
 * thousandth, a ticket ten; the first 3 % are of an era of their own. A fiftieth of the sessions is
 * active, most of them new.
 */
const ROWS = `
  create temp table made as
  select n, 's' || n as session_id,
    case when n > ${SESSIONS} * 0.99 and ${random(1, 2)} = 0 or ${random(2, 66)} = 0
      then 'ACTIVE' when ${random(3, 10)} = 0 then 'ERROR' else 'COMPLETED' end as status,
    (array['cli-stream', 'api', 'web', 'cli-upload'])[1 + ${random(4, 4)}] as source,
    (array['claude-opus', 'gpt-5', 'gemini', 'qwen', 'llama'])[1 + ${random(5, 5)}] as model,
    json_build_object('team', 'team' || ${random(6, 16)}, 'user', 'user' || ${random(7, 1_000)},
      'ticket', 'ticket' || ${random(8, Math.ceil(SESSIONS / 10))},
      'era', case when n < ${SESSIONS} * 0.03 then 'old' else 'new' end) as labels,
    'Session ' || md5(n::text) as name,
    ${random(9, 200)} as messages, ${random(10, 100_000)} as tokens,
    ${random(11, 1_000_000_000)} as cost, ${random(12, 3_600_000)} as duration
  from generate_series(1, ${SESSIONS}) as n;

  insert into sessions (session_id, revision, at, status, idle, declared, source, name, prompt,
    model, labels, members, started_at, last_activity_at, counted, extra)
  select session_id, 3, ${at('n')}, status, false, true, source, name,
    'Prompt ' || md5(n::text || 'p'), model, labels, '[]', ${at('n')},
    ${at(`n + ${random(13, 100_000)}`)},
    json_build_object('messages', messages, 'toolCalls', 0, 'tokens', tokens, 'inputTokens', 0,
      'outputTokens', 0, 'usage', json_build_object('input', null, 'output', null, 'cacheRead',
        null, 'cacheWrite', null, 'reasoning', null), 'costNano', cost, 'durationMs', duration),
      '{}'
  from made order by n;

  insert into session_order (session_id, revision, last_activity, messages, tokens, cost, duration,
    name, named, declared, started_at)
  select session_id, 3, ${at(`n + ${random(13, 100_000)}`)}, messages, tokens, cost, duration,
    lower(name), true, true, ${at('n')}
  from made order by n;

  insert into participants (session_id, participant_id, revision, at, kind, declared, agent_type,
    model, extra)
  select session_id, 'agent', 1, ${at('n')}, 'agent', true,
    (array['claude', 'gemini', 'codex'])[1 + ${random(14, 3)}], model, '{}'
  from made order by n;
  drop table made;
`;
