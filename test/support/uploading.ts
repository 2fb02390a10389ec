import type { KeyCreated, SessionEvent } from '@playhead/contract';
import type { Answer, RunningService } from './service.ts';

/** Uploads with a key that may take ten more sessions: each key has its own minute. */
export const freshUploadKey = async (service: RunningService): Promise<string> =>
  (await service.post<KeyCreated>('/api/keys', { name: 'uploads', scopes: ['ingest'] })).key;

/** Posts a body, which is written as JSON unless it is a text. */
export const upload = (
  service: RunningService,
  body: unknown,
  key: string | null,
): Promise<Answer> =>
  service.request('/api/sessions/upload', {
    ...{ key, method: 'POST', type: 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });

/** All events of a session; none when there is no such session. */
export async function eventsOf(service: RunningService, id: string): Promise<SessionEvent[]> {
  const path = `/api/sessions/${encodeURIComponent(id)}/events`;
  const all: SessionEvent[] = [];
  for (;;) {
    const answer = await service.request(`${path}?after=${all.length - 1}&limit=1000`);
    if (answer.status === 404) return [];
    if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
    const { events, caughtUp } = answer.body as { events: SessionEvent[]; caughtUp: boolean };
    all.push(...events);
    if (caughtUp) return all;
  }
}
