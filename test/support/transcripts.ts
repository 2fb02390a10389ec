import type { ImportResult } from '@playhead/contract';
import type { Answer, RunningService } from './service.ts';

/** Sends a file to `POST /api/import`. */
export const sendFile = (
  service: RunningService,
  body: string | Buffer,
  query = '',
  key?: string,
): Promise<Answer> =>
  service.request(`/api/import${query}`, {
    ...{ type: 'application/x-ndjson', method: 'POST', body },
    ...(key !== undefined && { key }),
  });

/** Sends a file that must be taken. */
export async function importFile(
  service: RunningService,
  body: string | Buffer,
  query = '',
): Promise<ImportResult> {
  const { status, body: result, text } = await sendFile(service, body, query);
  expect({ status, text }).toMatchObject({ status: 200 });
  return result as ImportResult;
}

/** A transcript whose session has an id of its own, so that tests do not meet. */
export function transcript(sessionId: string, turns: number): string[] {
  const at = (nth: number) => new Date(Date.UTC(2026, 0, 1) + nth * 1_000).toISOString();
  return Array.from({ length: turns }, (_, nth) => {
    const common = { sessionId, timestamp: at(nth), uuid: `${sessionId} ${nth}` };
    const row =
      nth % 2 === 0
        ? { type: 'user', message: { role: 'user', content: `Question ${nth} naïve 🎉` } }
        : {
            type: 'assistant',
            message: {
              ...{ id: `m${nth}`, role: 'assistant', model: 'claude-x' },
              content: [
                { type: 'text', text: `Answer ${nth}` },
                { type: 'tool_use', id: `${sessionId} t${nth}`, name: 'Bash', input: { nth } },
              ],
              usage: { input_tokens: nth, output_tokens: 1 },
            },
          };
    return JSON.stringify({ ...common, ...row });
  });
}
