import { randomUUID } from 'node:crypto';
import { refuse, type CommandDone, type Refused, type SocketCommand } from '@playhead/contract';
import fc from 'fast-check';
import {
  transition,
  emptyQueue,
  type CommandQueueInput,
} from '../../packages/client/src/commands/state-machine.ts';

const limits = { commandsMax: 6, commandTriesMax: 3 };
const seed = Number(process.env.PLAYHEAD_TEST_SEED ?? Date.now() % 2 ** 31);

/** Commands on their way to a service that has each effect once, and what came of them. */
class Exchange {
  state = emptyQueue(limits);
  readonly asked: string[] = [];
  readonly answered = new Map<string, CommandDone | Refused>();
  readonly done = new Map<string, CommandDone>();
  readonly faults: string[] = [];
  up: { readonly command: SocketCommand; readonly attempt: number }[] = [];
  down: { readonly id: string; readonly answer: CommandDone | Refused }[] = [];
  due: { readonly id: string; readonly attempt: number }[] = [];
  isConnected = false;

  feed(input: CommandQueueInput): void {
    const { state, effects } = transition(this.state, input);
    this.state = state;
    for (const effect of effects) {
      if (effect.do === 'settle') {
        if (this.answered.has(effect.id)) this.faults.push('answered twice');
        this.answered.set(effect.id, effect.answer);
      } else if (effect.do === 'send') {
        if (!this.isConnected) this.faults.push('sent while cut off');
        this.up.push(effect);
        this.due.push({ id: effect.command.id, attempt: effect.attempt });
      } else this.due.push(effect);
    }
    if (state.pending.length > limits.commandsMax) this.faults.push('too many wait');
  }

  ask(): string {
    const id = randomUUID();
    this.asked.push(id);
    const data = { name: id };
    this.feed({ type: 'enqueued', command: { id, sessionId: 's1', type: 'session.rename', data } });
    return id;
  }

  connect(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    this.feed({ type: 'connected' });
  }

  cut(): void {
    if (!this.isConnected) return;
    this.isConnected = false;
    this.up = [];
    this.down = [];
    this.feed({ type: 'disconnected' });
  }

  serve(how: 'done' | 'unavailable' | 'refused'): void {
    const one = this.up.shift();
    if (!one) return;
    const { id } = one.command;
    if (how === 'unavailable') this.down.push({ id, answer: { ok: false, ...refuse(how) } });
    else if (how === 'refused' && !this.done.has(id)) {
      this.down.push({ id, answer: { ok: false, ...refuse(how) } });
    } else {
      const [revision, position] = [this.done.size, `${this.done.size}`];
      const fresh = { ok: true as const, sessionId: 's1', revision, position, appended: true };
      const first = this.done.get(id);
      if (!first) this.done.set(id, fresh);
      this.down.push({ id, answer: first ? { ...first, appended: false } : fresh });
    }
  }

  accept(): void {
    const one = this.down.shift();
    if (one) this.feed({ type: 'answered', ...one });
  }

  /** A time of waiting is over, in whatever order. */
  expire(at: number): void {
    const [one] = this.due.splice(at % Math.max(1, this.due.length), 1);
    if (one) this.feed({ type: 'retry', ...one });
  }
}

const acts = fc.oneof(
  fc.constantFrom(
    'ask',
    'ask',
    'connect',
    'disconnected',
    'done',
    'done',
    'accept',
    'accept',
    'lose',
  ),
  fc.constantFrom('unavailable', 'refused', 'ask', 'connect', 'accept'),
  fc.nat(5),
);

function play(scenario: readonly (string | number)[]): void {
  const exchange = new Exchange();
  for (const act of scenario) {
    if (typeof act === 'number') exchange.expire(act);
    else if (act === 'ask') exchange.ask();
    else if (act === 'connect') exchange.connect();
    else if (act === 'disconnected') exchange.cut();
    else if (act === 'accept') exchange.accept();
    else if (act === 'lose') exchange.down.shift();
    else exchange.serve(act as 'done');
  }
  exchange.connect();
  for (let turn = 0; turn < 5_000 && exchange.state.pending.length > 0; turn += 1) {
    if (exchange.up.length > 0) exchange.serve('done');
    else if (exchange.down.length > 0) exchange.accept();
    else exchange.expire(0);
  }
  expect(exchange.faults).toEqual([]);
  expect([...exchange.answered.keys()].sort()).toEqual([...exchange.asked].sort());
  for (const [id, answer] of exchange.answered) {
    const done = exchange.done.get(id);
    if (answer.ok) expect(answer).toEqual({ ...done, appended: answer.appended });
    else expect(['refused', 'unavailable', 'overloaded']).toContain(answer.code);
  }
}

describe('commands', () => {
  it(`are answered once each, however often they are sent (seed ${seed})`, () => {
    const property = fc.property(fc.array(acts, { maxLength: 100, size: 'max' }), play);
    fc.assert(property, { numRuns: 1_000, seed, endOnFailure: true });
  });

  it('wait in their order while cut off, and beyond the bound are refused as overloaded', () => {
    const exchange = new Exchange();
    const ids = Array.from({ length: limits.commandsMax }, () => exchange.ask());
    const tooMany = exchange.ask();
    expect([...exchange.answered]).toMatchObject([[tooMany, { ok: false, code: 'overloaded' }]]);
    expect(exchange.up).toEqual([]);
    exchange.connect();
    expect(exchange.up.map(({ command }) => command.id)).toEqual(ids);
  });

  it('are sent again with the same id after a cut, and when nothing is answered in time', () => {
    const exchange = new Exchange();
    exchange.connect();
    const id = exchange.ask();
    exchange.cut();
    exchange.expire(0);
    exchange.connect();
    exchange.expire(0);
    expect(exchange.up.map(({ command }) => command.id)).toEqual([id, id]);
    for (const how of ['done', 'done'] as const) exchange.serve(how);
    for (let turn = 0; turn < 2; turn += 1) exchange.accept();
    expect(exchange.answered.get(id)).toMatchObject({ ok: true, appended: true });
  });

  it('are tried again when they may succeed later, so often and no more', () => {
    const exchange = new Exchange();
    exchange.connect();
    const id = exchange.ask();
    for (let tries = 1; tries <= limits.commandTriesMax; tries += 1) {
      expect(exchange.answered.has(id)).toBe(false);
      exchange.serve('unavailable');
      exchange.accept();
      exchange.expire(exchange.due.length - 1);
    }
    expect(exchange.answered.get(id)).toMatchObject({ ok: false, code: 'unavailable' });
    expect(exchange.up).toEqual([]);
  });

  it('are refused when none can be answered any more', () => {
    const exchange = new Exchange();
    const id = exchange.ask();
    exchange.feed({ type: 'end', refusal: refuse('forbidden') });
    expect(exchange.answered.get(id)).toMatchObject({ ok: false, code: 'forbidden' });
    exchange.connect();
    expect(exchange.up).toEqual([]);
  });
});
