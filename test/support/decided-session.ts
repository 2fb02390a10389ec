import { eventTypes, evolveOpenView, type OpenView, type SessionEvent } from '@playhead/contract';
import { decide, evolve } from '../../src/domain/session.ts';
import type { Refused } from '../../src/domain/refusal.ts';
import type { SessionCommand } from '../../src/domain/session-commands.ts';
import { initialState, type SessionState } from '../../src/domain/session-state.ts';

/** One session in memory: decides commands one after another, as the write path does. */
export class DecidedSession {
  state: SessionState = initialState();
  readonly events: SessionEvent[] = [];

  /** Takes a command unless it was taken before; answers its refusal, if it was refused. */
  take(command: SessionCommand, id: string, occurredAt?: string): Refused | undefined {
    if (this.state.commands.has(id)) return undefined;
    const decided = decide(command, this.state, id);
    if ('refused' in decided) return decided;
    for (const fact of decided.facts) {
      const event: SessionEvent = {
        id: crypto.randomUUID(),
        sessionId: 's',
        revision: this.state.revision + 1,
        position: String(this.events.length),
        type: fact.type,
        v: eventTypes[fact.type].v,
        data: fact.data,
        meta: {
          at: '2026-06-01T00:00:00.000Z',
          actor: 'key:t',
          commandId: id,
          ...(occurredAt === undefined ? {} : { occurredAt }),
        },
      };
      // What the contract does not take must not get into the log.
      expect(eventTypes[fact.type].data.parse(fact.data)).toEqual(fact.data);
      this.events.push(event);
      this.state = evolve(this.state, event);
    }
    return undefined;
  }

  get view(): OpenView | undefined {
    return this.events.reduce<OpenView | undefined>(evolveOpenView, undefined);
  }
}
