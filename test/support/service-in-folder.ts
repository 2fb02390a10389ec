import type { SessionEvent } from '@playhead/contract';
import { Program } from './program.ts';

/* The service with its own Postgres in a folder, and what is to be found there after each start. */

export const folderKey = 'set-by-the-operator';

const authorization = `Bearer ${folderKey}`;

/** Starts it, by another command than its own when there is one. */
export const startIn = (PLAYHEAD_DATA_DIR: string, command?: readonly string[]): Program =>
  new Program(
    { PLAYHEAD_DATA_DIR, PORT: '0', PLAYHEAD_ADMIN_KEY: folderKey, PLAYHEAD_LOG_LEVEL: 'warn' },
    command,
  );

/** A report of a message. */
export const messageBody = (id: string): string =>
  JSON.stringify({
    type: 'message.created',
    timestamp: '2026-01-01T00:00:00Z',
    data: { conversation_id: 'kept', message_id: id, agent_type: 'claude', content: id },
  });

/** Reports a message; returns when that was confirmed. */
export const postMessage = async (url: string, id: string): Promise<void> => {
  const headers = { authorization, 'content-type': 'application/json' };
  const body = messageBody(id);
  const answer = await fetch(`${url}/api/ingest`, { method: 'POST', headers, body });
  if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`);
};

/** The messages that a start in the folder finds. */
export const messagesIn = async (dataDir: string): Promise<string[]> => {
  const service = startIn(dataDir);
  const url = await service.url();
  const answer = await fetch(`${url}/api/sessions/kept/events?limit=1000`, {
    headers: { authorization },
  });
  const { events } = (await answer.json()) as { events: SessionEvent[] };
  expect(await service.stop()).toBe(0);
  return events
    .filter(({ type }) => type === 'message.posted')
    .map(({ data }) => (data as { messageId: string }).messageId);
};
