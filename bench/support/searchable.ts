import { addText, NO_TEXT } from '../../projections/search/indexed-text.ts';
import { fillTables, SESSIONS } from './filled-database.ts';

const MESSAGES_PER_SESSION = 10;
/** Different texts that messages are made from; each message has one word of its own beside. */
const TEXTS = 20_000;
const WORDS_PER_TEXT = 40;
const VOCABULARY = 50_000;

/** Words of one frequency. */
export interface Frequency {
  readonly name: string;
  /** Another query for each `nth`. */
  readonly query: (nth: number) => string;
  /** Whether nothing holds it. */
  readonly isAbsent?: boolean;
}

/** The n-th most frequent word, as letters alone: parts of identifiers would be words too. */
const wordOf = (rank: number): string => `w${inLetters(rank)}y`;
const inLetters = (n: number): string =>
  [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('');

/** The word `rank` is in about one of `rank / 4` texts. */
export const common: Frequency = { name: 'common', query: (nth) => `"${wordOf(nth + 1)}"` };
/** In one message of a hundred to one of a thousand: the hardest for any way of searching. */
export const between: Frequency = {
  name: 'between',
  query: (nth) => `"${wordOf(500 + nth * 40)}"`,
};
/** In one message. */
export const rare: Frequency = {
  name: 'rare',
  query: (nth) => `"q${inLetters(11 + ((nth * 49_999) % (SESSIONS * MESSAGES_PER_SESSION)))}"`,
};
export const two: Frequency = {
  name: 'two',
  query: (nth) => `${wordOf(10 + (nth % 20))} "${wordOf(40 + nth * 3)}"`,
};
/** While one types: the beginnings of words of every frequency. */
export const prefix: Frequency = {
  name: 'prefix',
  query: (nth) => (nth % 2 ? `w${inLetters(1 + nth)}` : `q${inLetters(1_000 + nth * 7)}`),
};
export const absent: Frequency = {
  ...{ name: 'absent', isAbsent: true },
  query: (nth) => `zz${inLetters(nth)} ${nth % 3 ? '' : wordOf(1 + nth)}`,
};

/** Fills the read models of a migrated database with sessions and messages to search. */
export const fillSearchable = (url: string): Promise<void> =>
  fillTables(url, ['sessions', 'messages', 'search_entries'], async (client) => {
    await client.query('create temp table texts (n int primary key, content text, words tsvector)');
    await client.query(
      `insert into texts select n, content, words from json_to_recordset($1)
         as text (n int, content text, words tsvector)`,
      [JSON.stringify(texts())],
    );
    await client.query(rows);
  });

/** Frequencies fall as in a language: the exponent of a uniform number is Zipf's law. */
function texts(): { n: number; content: string; words: string }[] {
  let state = 1;
  const random = (): number => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return Array.from({ length: TEXTS }, (_, n) => {
    const words = Array.from({ length: WORDS_PER_TEXT }, () =>
      wordOf(Math.floor(Math.exp(random() * Math.log(VOCABULARY)))),
    );
    const content = words.join(' ');
    return { n, content, words: addText(NO_TEXT, content).words };
  });
}

/** One session a second. */
const time = (n: string): string =>
  `timestamp '2026-11-01' + (${n} - ${SESSIONS}) * interval '1 second'`;
const at = (n: string): string => `to_char(${time(n)}, 'YYYY-MM-DD"T"HH24:MI:SS".000000000Z"')`;
/** As `cellsOf` makes them. */
const cells = (n: string): string =>
  [3, 4, 5, 6]
    .map((size) => `'''@${size}:' || floor(extract(epoch from ${time(n)}) / 16 ^ ${size}) || ''' '`)
    .join(' || ');
const own = `'q' || translate(message::text, '0123456789', 'abcdefghij')`;

const rows = `
  insert into sessions (session_id, revision, at, status, idle, declared, source, name, prompt,
    labels, members, started_at, last_activity_at, counted, extra)
  select 's' || n, 3, ${at('n')}, 'ACTIVE', false, true, 'api', 'Session ' || md5(n::text),
    'Prompt ' || md5(n::text || 'p'), '{}', '[]', ${at('n')}, ${at('n')}, '{}', '{}'
  from generate_series(1, ${SESSIONS}) as n;

  create temp table numbered as
  select s, k, (s::bigint * ${MESSAGES_PER_SESSION} + k) as message
  from generate_series(1, ${SESSIONS}) as s, generate_series(1, ${MESSAGES_PER_SESSION}) as k;

  insert into messages (session_id, message_id, revision, at, state, role, source, content,
    chunks, ahead, occurred_at, extra)
  select 's' || s, 'm' || k, k, ${at('s')}, 'complete', 'assistant', 'agent',
    content || ' ' || ${own}, 0, '[]', ${at('s')}, '{}'
  from numbered join texts on n = (message * 7919) % ${TEXTS};

  insert into search_entries (session_id, entry, revision, at, words)
  select 's' || s, 'message:m' || k, k, ${at('s')},
    words || ('''' || ${own} || ''':${WORDS_PER_TEXT + 1}')::tsvector || (${cells('s')})::tsvector
  from numbered join texts on n = (message * 7919) % ${TEXTS};
`;
