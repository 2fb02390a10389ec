import {
  id,
  sessionIdOf,
  type ParticipantView,
  type Refusal,
  type SessionView,
} from '@playhead/contract';
import { z } from 'zod';
import type { SessionsAsOf } from '../../../projections/session-list/sessions-as-of.ts';
import type { Moment, SessionHistory } from '../../live/history/session-history.ts';
import { LogError } from '../../log/event-log.ts';
import { Problem } from '../problem.ts';
import { time } from '../query-parameters.ts';
import type { ReadModelContext } from './min-revision.ts';

/** A moment of the whole log: a position, or a time as `comparableInstant` writes it. */
export type LogMoment = { readonly position: string } | { readonly time: string };

/** `at` of a list: a position of the log, or a time. */
export const logMoment = z.string().transform((text, context): LogMoment => {
  const instant = time.safeParse(text);
  if (instant.success) return { time: instant.data };
  if (/^\d{1,100}$/.test(text)) return { position: text };
  const message = 'must be a position, or a day or a time with zone, as ISO 8601 writes them';
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});

/** What a list as it was takes to make: events that were read or folded, and sessions folded. */
export interface ListCost {
  readonly events: number;
  readonly sessions: number;
}

/** Runs statements that all see the database as it was at the first of them. */
type Query = <Row>(text: string, values: unknown[]) => Promise<Row[]>;

/** The read models that a list is made from. */
const READ_MODELS = ['sessions', 'participants', 'session_order'];

/** A session that has changed since, and the moment to fold it to; undefined: it is newer. */
type Changed = ReadonlyMap<string, Moment | undefined>;

/**
 * What the sessions of a list were at a moment that have changed since; of all others the rows are
 * right. `query` is of one snapshot of the database, in which the list must be read, too.
 *
 * Which have changed is known from the log beyond a position, or from rows that were written after
 * a time. Throws `too-large` beyond `listAtSessionsMax` of them or `listAtEventsMax` events.
 */
export class SessionsAt {
  #events = 0;
  #sessions = 0;

  constructor(
    private readonly context: ReadModelContext,
    private readonly history: SessionHistory,
    private readonly at: LogMoment,
  ) {}

  get cost(): ListCost {
    return { events: this.#events, sessions: this.#sessions };
  }

  /** Throws `invalid` for a position that the log has not reached, `not-yet` as `minRevision`. */
  async reached(): Promise<void> {
    const { log, projector, limits } = this.context;
    const head = await log.head();
    const position = 'position' in this.at ? this.at.position : head;
    if (position > head) throw new Problem('invalid', `at: the log ends at ${head}`, 'at');
    if (await projector.waitFor(position, limits.minRevisionWaitMs)) return;
    throw new Problem('not-yet', 'the read models are not at that position', 'at', 1);
  }

  async find(query: Query): Promise<SessionsAsOf> {
    const { epoch } = this.context.log;
    const checkpoints = await query<{ position: string }>(
      'select position from checkpoints where name = any($1) and epoch = $2 order by position',
      [READ_MODELS, epoch],
    );
    const [first] = checkpoints;
    const last = checkpoints.at(-1);
    if (!first || !last || checkpoints.length < READ_MODELS.length) throw new Problem('not-yet');
    const changed = await this.#changed(query, first.position, last.position);
    const sessions: SessionView[] = [];
    const participants: ParticipantView[] = [];
    for (const [sessionId, moment] of changed) {
      const state = moment && (await this.#fold(sessionId, moment));
      if (!state?.listed) continue;
      sessions.push(state.listed);
      participants.push(...state.participants);
    }
    return { changed: [...changed.keys()], sessions, participants };
  }

  /** `first` and `last`: where the read models are. */
  async #changed(query: Query, first: string, last: string): Promise<Changed> {
    const { at } = this;
    if ('position' in at) {
      const from = await this.#touched(at.position, last);
      return this.#counted(
        new Map(
          [...from].map(([sessionId, revision]) => [
            sessionId,
            revision > 0 ? { revision: revision - 1 } : undefined,
          ]),
        ),
      );
    }
    const { listAtSessionsMax } = this.context.limits;
    const rows = await query<{ id: string }>(
      'select session_id as id from sessions where at > $1 limit $2',
      [at.time, listAtSessionsMax + 1],
    );
    // One read model may have taken events that another has not.
    const touched = await this.#touched(first, last);
    const ids = new Set([...rows.map((row) => row.id), ...touched.keys()]);
    return this.#counted(new Map([...ids].map((sessionId) => [sessionId, { time: at.time }])));
  }

  #counted(changed: Changed): Changed {
    const { listAtSessionsMax } = this.context.limits;
    if (changed.size > listAtSessionsMax) {
      throw tooLarge(`more than ${listAtSessionsMax} sessions have changed since`);
    }
    return changed;
  }

  /** Sessions with events between two positions, and the revision of the first of these. */
  async #touched(after: string, until: string): Promise<ReadonlyMap<string, number>> {
    const { log, limits } = this.context;
    const touched = new Map<string, number>();
    for (let position = after; position < until;) {
      const page = await log
        .readAll({ after: position, limit: limits.readEventsMax })
        .catch(refusePosition);
      const last = page.at(-1);
      if (!last) break;
      position = last.position;
      this.#spend(page.length);
      for (const event of page) {
        const sessionId = sessionIdOf(event.stream);
        if (event.position > until || sessionId === undefined) continue;
        if (touched.has(sessionId) || !id.safeParse(sessionId).success) continue;
        touched.set(sessionId, event.revision);
      }
    }
    return touched;
  }

  async #fold(sessionId: string, moment: Moment) {
    const { listAtEventsMax } = this.context.limits;
    const found = await this.history.at(sessionId, moment, listAtEventsMax - this.#events);
    if ('code' in found) return refusedFold(found);
    this.#spend(found.folded);
    this.#sessions += 1;
    return found.state;
  }

  #spend(events: number): void {
    this.#events += events;
    const { listAtEventsMax } = this.context.limits;
    if (this.#events > listAtEventsMax) throw tooManyEvents(listAtEventsMax);
  }
}

const tooLarge = (reason: string): Problem =>
  new Problem('too-large', `at: ${reason}; ask for a later moment or for single sessions`, 'at');

const tooManyEvents = (max: number): Problem =>
  tooLarge(`more than ${max} events would have to be read`);

function refusePosition(fault: unknown): never {
  if (fault instanceof LogError && fault.code === 'invalid') {
    throw new Problem('invalid', `at: ${fault.message}`, 'at');
  }
  throw fault;
}

/** A session that began later is none of the list. */
function refusedFold({ code, message, field }: Refusal): undefined {
  if (code === 'not-found') return undefined;
  if (code === 'too-large') throw tooLarge('too many events would have to be folded');
  throw new Problem(code, message, field, 1);
}
