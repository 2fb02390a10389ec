import type { DataSource } from 'typeorm';
import { rowAsJson } from '../../src/projecting/columns.ts';
import { MessageRow } from '../messages.ts';

/**
 * The newest messages of some sessions that are no longer being written, newest first. Of each
 * session the last ones are looked at, in the order in which they began.
 */
export async function recentMessages(
  database: DataSource,
  sessionIds: readonly string[],
  limit: number,
): Promise<readonly MessageRow[]> {
  if (sessionIds.length === 0) return [];
  const { columns } = database.getMetadata(MessageRow);
  const rows = await database.query<{ row: MessageRow }[]>(
    `select ${rowAsJson('message', columns)} as row
     from (
       select message.session_id, message.message_id
       from unnest($1::text[]) as wanted (session_id)
       cross join lateral (
         select substr(entry, 9) as message_id from timeline
         where timeline.session_id = wanted.session_id and entry like 'message:%'
         order by started_revision desc limit $2
       ) as last
       join messages as message
         on message.session_id = wanted.session_id and message.message_id = last.message_id
       where message.state <> 'open'
       order by message.occurred_at desc, message.session_id, message.message_id limit $2
     ) as newest
     join messages as message using (session_id, message_id)
     order by message.occurred_at desc, session_id, message_id`,
    [sessionIds, limit],
  );
  return rows.map(({ row }) => row);
}

/** The beginnings of the first messages of some sessions, at most `eachMax` of one. */
export async function firstMessages(
  database: DataSource,
  sessionIds: readonly string[],
  eachMax: number,
  charactersMax: number,
): Promise<ReadonlyMap<string, readonly FirstMessage[]>> {
  const found = new Map(sessionIds.map((sessionId) => [sessionId, [] as FirstMessage[]]));
  if (sessionIds.length === 0) return found;
  const rows = await database.query<(FirstMessage & { sessionId: string })[]>(
    `select wanted.session_id as "sessionId", message_id as "messageId",
       agent_name as "agentName", left(content, $3) as content, occurred_at as "occurredAt"
     from unnest($1::text[]) as wanted (session_id),
     lateral (
       select * from messages where messages.session_id = wanted.session_id
       order by sequence, occurred_at, message_id limit $2
     ) as message
     order by sequence, occurred_at, message_id`,
    [sessionIds, eachMax, charactersMax],
  );
  for (const { sessionId, ...message } of rows) found.get(sessionId)?.push(message);
  return found;
}

/** The beginning of a message. */
export type FirstMessage = Pick<MessageRow, 'messageId' | 'agentName' | 'content' | 'occurredAt'>;
