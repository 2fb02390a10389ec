import { eventTypes, sessionStream, type ErrorCode, type SessionEvent } from '@playhead/contract';
import { refused, type Refused } from '../domain/refusal.ts';
import type { SessionCommand } from '../domain/session-commands.ts';
import type { DecidedFact } from '../domain/decision.ts';
import { decide } from '../domain/session.ts';
import type { SessionState } from '../domain/session-state.ts';
import { LogError, NO_STREAM, type EventLog, type NewEvent } from '../log/event-log.ts';
import { SerialQueues, type QueueLimits } from './serial-queues.ts';
import type { HeldState, SessionStates } from './session-states.ts';

export type {
  AskedCommand,
  DeclaredParticipant,
  ReportedCommand,
  ReportedSource,
  ReportSession,
} from '../domain/session-commands.ts';

/** A command with what the write path needs to know about it. */
export interface CommandRequest {
  /** The same command sent again has the same id, and one effect. */
  readonly id: string;
  readonly sessionId: string;
  /** Who asks, as `meta.actor` names them. */
  readonly actor: string;
  readonly command: SessionCommand;
  readonly occurredAt?: string | undefined;
  /** Taken only at this revision of the session. */
  readonly expected?: number | undefined;
  /** Distinguishes its content from another command's under the same id. */
  readonly digest?: string | undefined;
  /** Roughly its size; what queues are bounded by. */
  readonly bytes: number;
  /** Characters replaced because no store can hold them. */
  readonly replaced?: number | undefined;
  /** Asked once, before the command appends anything; what it throws refuses the command. */
  readonly admit?: () => Promise<void>;
}

/** What became of a command that was not refused. */
export interface CommandOutcome {
  /** Revision of the last event of the command, or of the session when it had nothing new. */
  readonly revision: number;
  /** Of the command's append, or of the session when that is not known: then undefined. */
  readonly position: string | undefined;
  /** False for a repeated command and for one that had nothing new. */
  readonly appended: boolean;
  readonly keptFirst: boolean;
}

/** A command that must not take effect; nothing of it was stored. */
export class CommandRefused extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The field of the command at fault, as a dotted path. */
    readonly field?: string,
  ) {
    super(message);
    this.name = 'CommandRefused';
  }
}

/** Limits of the write path, with its sources of time and ids. */
export interface CommandOptions {
  readonly queues: QueueLimits;
  readonly conflictRetriesMax: number;
  readonly now: () => Date;
  readonly newId: () => string;
}

interface Waiting {
  readonly request: CommandRequest;
  readonly bytes: number;
  admitted: boolean;
  readonly resolve: (outcome: CommandOutcome) => void;
  readonly reject: (reason: unknown) => void;
}

type Settle = (position: string | undefined) => void;

/**
 * The write path. Commands of one session queue in this process. Each is decided on the result of
 * the one before it, and together they become one append. When another node appends in between,
 * that is a conflict, and they are decided again.
 */
export class CommandHandler {
  readonly #queues: SerialQueues<Waiting>;
  #closed = false;

  constructor(
    private readonly log: EventLog,
    private readonly states: SessionStates,
    private readonly options: CommandOptions,
  ) {
    this.#queues = new SerialQueues((key, batch) => this.#perform(key, batch), options.queues);
  }

  /** Commands that wait or run, for metrics. */
  get waiting(): number {
    return this.#queues.waiting;
  }

  /**
   * Decides a command and resolves once its events are durable. Throws `CommandRefused`, or
   * `LogError`: with `unavailable` the outcome is unknown and the same command may be sent again.
   */
  handle(request: CommandRequest): Promise<CommandOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new CommandRefused('shutting-down', 'the service stops'));
        return;
      }
      const waiting = { request, bytes: request.bytes, admitted: false, resolve, reject };
      if (!this.#queues.push(request.sessionId, waiting)) {
        reject(new CommandRefused('overloaded', 'too many commands wait'));
      }
    });
  }

  /** Takes no more commands and resolves when those taken are done. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queues.idle();
  }

  async #perform(sessionId: string, batch: readonly Waiting[]): Promise<void> {
    try {
      for (let attempt = 0; ; attempt += 1) {
        if (await this.#attempt(sessionId, batch)) return;
        if (attempt >= this.options.conflictRetriesMax) {
          throw new LogError('conflict', 'others keep writing to this session');
        }
      }
    } catch (failure) {
      const isOwnFault =
        failure instanceof LogError && ['too-large', 'invalid'].includes(failure.code);
      if (isOwnFault && batch.length > 1) {
        // The log refuses one of them: each is appended alone, so that only that one fails.
        for (const one of batch) await this.#perform(sessionId, [one]);
        return;
      }
      for (const one of batch) one.reject(failure);
    }
  }

  /** False when another node wrote in between. */
  async #attempt(sessionId: string, batch: readonly Waiting[]): Promise<boolean> {
    const held = await this.states.take(sessionId);
    const expected = held.state.revision;
    // From here on the state runs ahead of the log; it is given back only if the append succeeds.
    const { events, settles, isNews } = await this.#decideAll(sessionId, batch, held);
    let position: string | undefined;
    if (events.length === 0) {
      // No append will find out whether another node has written since this state was kept.
      if (isNews && !held.isFresh && !(await this.#isLast(sessionId, expected))) return false;
    } else {
      try {
        ({ position } = await this.log.append({
          stream: sessionStream(sessionId),
          expected,
          events,
          isWholeSession: batch.some(({ request }) => request.command.type === 'report-session'),
        }));
      } catch (failure) {
        if (failure instanceof LogError && failure.code === 'conflict') return false;
        throw failure;
      }
    }
    this.states.giveBack(sessionId, held);
    for (const settle of settles) settle(position);
    return true;
  }

  async #isLast(sessionId: string, revision: number): Promise<boolean> {
    const last = await this.log.last(sessionStream(sessionId));
    return (last?.revision ?? NO_STREAM) === revision;
  }

  async #decideAll(sessionId: string, batch: readonly Waiting[], held: HeldState) {
    const events: NewEvent[] = [];
    const settles: Settle[] = [];
    let isNews = false;
    for (const one of batch) {
      const { request } = one;
      const { state } = held;
      const known = state.commands.get(request.id);
      if (known && known.digest === request.digest) {
        settles.push(() => one.resolve(nothingNew(known.revision)));
        continue;
      }
      isNews = true;
      const decided = known
        ? refused('key-reused', 'the same key came with another command')
        : (misses(request, state) ?? decide(request.command, state, request.id));
      if ('refused' in decided) {
        settles.push(() => one.reject(new CommandRefused(decided.refused, decided.message)));
        continue;
      }
      if (decided.facts.length === 0) {
        const { revision } = state;
        settles.push(() => one.resolve(nothingNew(revision, decided.keptFirst)));
        continue;
      }
      const refusal = await admission(one);
      if (refusal) {
        settles.push(() => one.reject(refusal.reason));
        continue;
      }
      for (const fact of decided.facts) {
        const event = this.#stamp(sessionId, request, fact, held.state);
        events.push(event);
        held.take(event);
      }
      const { revision } = held.state;
      settles.push((position) =>
        one.resolve({ revision, position, appended: true, keptFirst: false }),
      );
    }
    return { events, settles, isNews };
  }

  #stamp(
    sessionId: string,
    request: CommandRequest,
    fact: DecidedFact,
    state: SessionState,
  ): SessionEvent {
    const now = this.options.now().toISOString();
    return {
      id: this.options.newId(),
      sessionId,
      revision: state.revision + 1,
      position: '',
      type: fact.type,
      v: eventTypes[fact.type].v,
      data: fact.data,
      meta: {
        // A clock that was set back must not make a session's time run backwards.
        at: now > state.at ? now : state.at,
        ...(request.occurredAt === undefined ? {} : { occurredAt: request.occurredAt }),
        actor: request.actor,
        commandId: request.id,
        ...(request.digest === undefined ? {} : { digest: request.digest }),
        ...(request.replaced ? { replaced: request.replaced } : {}),
        ...fact.meta,
      },
    };
  }
}

const nothingNew = (revision: number, keptFirst = false): CommandOutcome => ({
  revision,
  position: undefined,
  appended: false,
  keptFirst,
});

const misses = ({ expected }: CommandRequest, { revision }: SessionState): Refused | undefined =>
  expected === undefined || expected === revision
    ? undefined
    : refused('revision-mismatch', `the session is at revision ${revision}, not ${expected}`);

/** Asks for admission once, however often a command is decided. */
async function admission(one: Waiting): Promise<{ reason: unknown } | undefined> {
  if (one.admitted) return undefined;
  try {
    await one.request.admit?.();
    one.admitted = true;
    return undefined;
  } catch (reason) {
    return { reason };
  }
}
