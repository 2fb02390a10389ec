import {
  compareSessions,
  evolveSession,
  matchesFilter,
  type ConsoleFilter,
  type SessionView,
} from '@playhead/contract';
import type { SessionListSource } from '../../src/live/console/session-list-source.ts';
import { asSessionEvent } from '../../src/live/frames.ts';
import type { EventLog, RecordedEvent } from '../../src/log/event-log.ts';

/** A session after its next event; one that the fold cannot bear counts as opaque. */
export const foldView = (view: SessionView | undefined, event: RecordedEvent): SessionView => {
  const asEvent = asSessionEvent(event);
  try {
    return evolveSession(view, asEvent);
  } catch {
    return evolveSession(view, { ...asEvent, v: 0 });
  }
};

/** A read model that lags behind as much as it is asked to. */
export class LaggingModel implements SessionListSource {
  readonly #rows = new Map<string, SessionView>();
  #position = '';

  constructor(
    private readonly log: EventLog,
    private readonly pause: () => Promise<void>,
  ) {}

  async project(count: number): Promise<void> {
    for (const event of await this.log.readAll({ after: this.#position, limit: count })) {
      this.#position = event.position;
      if (event.type === 'message.chunked') continue;
      const sessionId = event.stream.slice('session-'.length);
      this.#rows.set(sessionId, foldView(this.#rows.get(sessionId), event));
    }
  }

  async list(filter: ConsoleFilter) {
    await this.pause();
    const all = [...this.#rows.values()].filter((view) => matchesFilter(filter, view));
    return { position: this.#position, sessions: all.sort(compareSessions), more: false };
  }

  async views(ids: readonly string[]) {
    await this.pause();
    return new Map([...this.#rows].filter(([sessionId]) => ids.includes(sessionId)));
  }
}
