import { sessionStream, type SessionEvent } from '@playhead/contract';
import { pino } from 'pino';
import { limits, readConfig, type Limits } from '../../src/config.ts';
import {
  messageShape,
  participantShape,
  sessionShape,
  toolShape,
} from '../../src/http/sessions/session-shapes.ts';
import { openPostgresLog } from '../../src/log/postgres/index.ts';
import { startService, type Service } from '../../src/startup/service.ts';
import { freshDatabase, type TestDatabase } from './database.ts';
import { pastOf, random, randomSession, type Past } from './past.ts';

const EVENTS_MAX = 160;

export const adminOfPast = 'ph_admin_key_of_this_test';

/** A part of a session, as the service answers it. */
export interface Page {
  readonly pagination: { readonly next: string | null; readonly before: number | null };
  readonly [part: string]: unknown;
}

/** A session and the first of its events, with what they come to. */
export interface Pair {
  readonly sessionId: string;
  readonly revision: number;
  readonly events: readonly SessionEvent[];
  readonly past: Past;
}

/** A value as it comes out of JSON. */
export const asJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/** The path of a session, or of a part of it. */
export const pathOf = (sessionId: string, part = ''): string =>
  `/api/sessions/${encodeURIComponent(sessionId)}${part}`;

/**
 * A service with random sessions, which keeps snapshots every few events and hardly anything in
 * memory.
 */
export class ServiceWithPast {
  readonly sessions = new Map<string, readonly SessionEvent[]>();
  readonly #next: () => number;

  private constructor(
    readonly database: TestDatabase,
    readonly service: Service,
    readonly seed: number,
  ) {
    this.#next = random(seed);
  }

  static async start(sessions: number, seed: number): Promise<ServiceWithPast> {
    const database = await freshDatabase();
    const among = random(seed);
    const log = await openPostgresLog({ ...limits, connectionString: database.url });
    const ids = Array.from({ length: sessions }, (_, nth) => `s ${nth}/🚀`);
    for (const [nth, sessionId] of ids.entries()) {
      const stream = sessionStream(sessionId);
      const events = randomSession(seed + nth, 4 + Math.floor(among() * EVENTS_MAX));
      await log.append({ stream, expected: -1, events });
    }
    await log.close();
    const config = readConfig({
      PORT: '0',
      DATABASE_URL: database.url,
      EVENTSTORE_URL: '',
      PLAYHEAD_ADMIN_KEY: adminOfPast,
      PLAYHEAD_REQUESTS_PER_MINUTE: '1000000',
    });
    const changed: Partial<Record<keyof Limits, number>> = {
      ...{ historySnapshotEvery: 7, historySnapshotShare: 1, historyCacheBytesMax: 30_000 },
      ...{ foldSliceMax: 5, exportMessagesMax: 3 },
    };
    const own = { ...config, limits: { ...limits, ...changed } };
    const service = await startService(own, pino({ level: 'silent' }), () => undefined);
    const past = new ServiceWithPast(database, service, seed);
    for (const sessionId of ids) past.sessions.set(sessionId, await past.eventsOf(sessionId));
    return past;
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.database.drop();
  }

  /** A number from 0 up to a count, at random. */
  among(count: number): number {
    return Math.floor(this.#next() * count);
  }

  /** A session and one of its revisions, at random. */
  pair(): Pair {
    const all = [...this.sessions];
    const [sessionId, events] = all[this.among(all.length)] ?? ['', []];
    const revision = this.among(events.length);
    const first = events.slice(0, revision + 1);
    return { sessionId, revision, events: first, past: pastOf(first) };
  }

  request(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(this.service.url + path, {
      ...init,
      headers: { authorization: `Bearer ${adminOfPast}`, 'content-type': 'application/json' },
    });
  }

  async get<Body>(path: string): Promise<Body> {
    const answer = await this.request(path);
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`seed ${this.seed}: ${path}: ${text}`);
    return JSON.parse(text) as Body;
  }

  async eventsOf(sessionId: string): Promise<readonly SessionEvent[]> {
    const path = pathOf(sessionId, '/events?limit=1000');
    return (await this.get<{ events: SessionEvent[] }>(path)).events;
  }

  /** What the service answers of a session at a moment, each part in one page. */
  async answered(sessionId: string, at: string | number): Promise<Record<string, object>> {
    const query = `at=${encodeURIComponent(at)}`;
    const parts = ['participants', 'messages', 'tools', 'timeline'];
    const [session, ...pages] = await Promise.all([
      this.get<object>(pathOf(sessionId, `?${query}`)),
      ...parts.map((name) => this.get<object>(pathOf(sessionId, `/${name}?${query}&limit=100`))),
    ]);
    return { session, ...Object.fromEntries(parts.map((name, nth) => [name, pages[nth] ?? {}])) };
  }
}

/** The same, of the fold. */
export function expectedOf({ session, participants, messages, tools, timeline }: Past) {
  if (!session) throw new Error('no session');
  const page = (name: string, items: readonly object[]) => ({
    [name]: items.slice(0, 100),
    pagination: {
      ...{ page: 1, limit: 100, total: items.length, totalPages: Math.ceil(items.length / 100) },
      next: null,
    },
  });
  const last = timeline.slice(-100);
  const before = last.length < timeline.length ? last[0]?.startedRevision : null;
  return asJson({
    session: sessionShape(session, participants),
    participants: page('participants', participants.map(participantShape)),
    messages: page('messages', messages.map(messageShape)),
    tools: page('tools', tools.map(toolShape)),
    timeline: { timeline: last, pagination: { limit: 100, before } },
  });
}
