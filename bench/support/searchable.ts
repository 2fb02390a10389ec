import pg from 'pg';

const SESSIONS = 200_000;
const MESSAGES_PER_SESSION = 2;
/** Different texts that messages are made from; each message has one word of its own beside. */
const TEXTS = 20_000;
const WORDS_PER_TEXT = 40;
const VOCABULARY = 50_000;

/** Words of one frequency. */
export interface Frequency {
  readonly name: string;
  /** Another word for each `nth`. */
  readonly word: (nth: number) => string;
}

/** The n-th most frequent word is in about one of n/5 texts. */
export const common: Frequency = { name: 'common', word: (nth) => `word${nth + 1}` };
/** In a few hundred to some thousand messages: the hardest for either way of searching. */
export const between: Frequency = { name: 'between', word: (nth) => `word${1_000 + nth * 50}` };
/** In one message. */
export const rare: Frequency = { name: 'rare', word: (nth) => `only${10 + nth * 6_571}` };

/** Fills the read models of a migrated database with sessions and messages to search. */
export async function fillSearchable(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`set synchronous_commit = off; set maintenance_work_mem = '512MB'`);
    const indexes = await client.query<{ name: string; definition: string }>(
      `select indexname as name, indexdef as definition from pg_indexes
       where tablename in ('sessions', 'messages') and indexname not like '%pkey'`,
    );
    for (const { name } of indexes.rows) await client.query(`drop index ${name}`);
    await client.query(rows);
    for (const { definition } of indexes.rows) await client.query(definition);
    await client.query('vacuum analyze sessions');
    await client.query('vacuum analyze messages');
  } finally {
    await client.end();
  }
}

const at = (nth: string): string =>
  `to_char(timestamp '2026-01-01' + ${nth} * interval '1 second',
    'YYYY-MM-DD"T"HH24:MI:SS".000000000Z"')`;

/** Frequencies fall as in a language: the exponent of a uniform number is Zipf's law. */
const rows = `
  select setseed(0.5);
  create temp table texts as
  select n, string_agg('word' || floor(exp(random() * ln(${VOCABULARY})))::int, ' ') as content
  from generate_series(1, ${TEXTS}) as n, generate_series(1, ${WORDS_PER_TEXT})
  group by n;
  alter table texts add primary key (n);

  insert into sessions (session_id, revision, at, status, idle, declared, source, name, prompt,
    labels, members, started_at, last_activity_at, counted, extra)
  select 's' || n, 3, ${at('n')}, 'ACTIVE', false, true, 'api', 'Session ' || md5(n::text),
    'Prompt ' || md5(n::text || 'p'), '{}', '[]', ${at('n')}, ${at('n')}, '{}', '{}'
  from generate_series(1, ${SESSIONS}) as n;

  insert into messages (session_id, message_id, revision, at, state, role, source, content,
    chunks, ahead, occurred_at, extra)
  select 's' || n, 'm' || k, k, ${at('n')}, 'complete', 'assistant', 'agent',
    (select content from texts where texts.n = 1 + (message::bigint * 7919) % ${TEXTS})
      || ' only' || message,
    0, '[]', ${at('n')}, '{}'
  from generate_series(1, ${SESSIONS}) as n, generate_series(1, ${MESSAGES_PER_SESSION}) as k,
    lateral (select n * ${MESSAGES_PER_SESSION} + k as message) as numbered;
`;
