import { evolveSession, happenedAt, type SessionEvent, type SessionView } from '@playhead/contract';
import fc from 'fast-check';
import type { DayRange, MetricGroup } from '../../projections/session-metrics/metrics.ts';
import type { Happening } from './histories.ts';
import { repeats } from './repeats.ts';

const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const count = fc.integer({ min: 0, max: 1e12 });
const who = {
  agentType: maybe(fc.constantFrom('claude', 'gemini', 'ü 🚀', 'x'.repeat(300))),
  model: maybe(fc.constantFrom('opus', 'pro', '')),
};
const usage = {
  tokens: maybe(count),
  usage: maybe(
    fc.record({
      ...{ input: maybe(count), output: maybe(count), cacheRead: maybe(count) },
      ...{ cacheWrite: maybe(count), reasoning: maybe(count) },
    }),
  ),
  costNano: maybe(count),
  durationMs: maybe(fc.double({ min: 0, max: 1e9, noNaN: true })),
};
const message = {
  messageId: fc.constantFrom('m1', 'm2'),
  role: fc.constant('assistant'),
  source: fc.constant('agent'),
};
const content = fc.constantFrom('text', 'text', 'text', 'poison');
const dataOf: Record<string, fc.Arbitrary<unknown>> = {
  'session.started': fc.record({ source: fc.constant('api'), inferred: maybe(fc.constant(true)) }),
  'session.error-raised': fc.record({ message: fc.constant('e') }),
  'session.ended': fc.record({
    as: fc.constantFrom('completed', 'interrupted', 'error', 'terminated'),
  }),
  'participant.joined': fc.record({
    participantId: fc.constant('p'),
    kind: fc.constant('agent'),
    ...who,
  }),
  'message.posted': fc.record({ ...message, ...who, ...usage, content }),
  'message.started': fc.record({ ...message, ...who }),
  'message.completed': fc.record({ ...message, ...who, ...usage, content }),
  'message.chunked': fc.record({
    messageId: fc.constant('m1'),
    from: fc.constant(0),
    to: fc.constant(0),
    text: fc.constant('c'),
  }),
  'nobody.knows-this': fc.record({}),
};

const happenings: fc.Arbitrary<Happening[]> = fc.array(
  fc.constantFrom(...Object.keys(dataOf)).chain((type) =>
    fc.record({
      sessionId: fc.constantFrom('s1', 's 2', 's-ü/3', '4🚀', 'e', 'f'),
      type: fc.constant(type),
      data: dataOf[type] ?? fc.constant({}),
      // Some days, with both ends of one.
      occurredAt: maybe(
        fc.constantFrom(
          ...[
            '2024-02-29T00:00:00Z',
            '2024-02-29T23:59:59.999999999Z',
            '2024-03-01T00:30:00+01:00',
          ],
          ...['2025-01-01T12:00:00.5Z', '1999-01-01T00:00:00Z', '9000-01-01T00:00:00Z'],
        ),
      ),
    }),
  ),
  { minLength: 30, maxLength: 150, size: 'max' },
);

/** Happenings of a few sessions on a few days, some of them with poison in their content. */
export const metricHappenings = (seed: number): Happening[] =>
  fc.sample(happenings, { numRuns: repeats({ few: 4, all: 20 }), seed }).flat();

/* The same numbers, computed from the events without sharing anything with the projection. */

interface Fact {
  readonly session: string;
  readonly day: string;
  readonly agentType: string | null;
  readonly model: string | null;
  readonly messages: number;
  readonly numbers: readonly number[];
}

type Data = Readonly<Record<string, unknown>>;
const usageNames = ['input', 'output', 'cacheRead', 'cacheWrite', 'reasoning'];
const numberNames = [
  ...['tokens', 'costNano', 'durationMs'],
  ...usageNames.map((name) => `${name}Tokens`),
];

/** The number of that name in the data of a message. */
const saidNumber = (said: Data, name: string): number => {
  const part = usageNames.find((part) => `${part}Tokens` === name);
  const value = part ? (said.usage as Data | undefined)?.[part] : said[name];
  return Math.round(Number(value ?? 0));
};

const label = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, 200) : null;

function factsOf(events: readonly SessionEvent[]): Fact[] {
  return events.flatMap(({ type, sessionId: session, data, meta }) => {
    const said = data as Data;
    const [agentType, model] = [label(said.agentType), label(said.model)];
    const isMessage = ['message.posted', 'message.started', 'message.completed'].includes(type);
    const isJoin = type === 'participant.joined' && (agentType !== null || model !== null);
    if (!isMessage && !isJoin) return [];
    const isUse = type === 'message.posted' || type === 'message.completed';
    return {
      ...{ session, agentType, model, day: happenedAt(meta).slice(0, 10) },
      messages: isMessage && type !== 'message.completed' ? 1 : 0,
      numbers: numberNames.map((name) => (isUse ? saidNumber(said, name) : 0)),
    };
  });
}

const isWithin = (day: string, { from, to }: DayRange): boolean =>
  (from === undefined || day >= from) && (to === undefined || day < to);

const summed = (facts: readonly Fact[]) => ({
  messages: facts.reduce((sum, { messages }) => sum + messages, 0),
  ...Object.fromEntries(
    numberNames.map((name, nth) => [
      name,
      facts.reduce((sum, one) => sum + (one.numbers[nth] ?? 0), 0),
    ]),
  ),
});

function viewsOf(events: readonly SessionEvent[]): SessionView[] {
  const views = new Map<string, SessionView>();
  for (const event of events) {
    if (event.type === 'message.chunked') continue;
    views.set(event.sessionId, evolveSession(views.get(event.sessionId), event));
  }
  return [...views.values()];
}

/** What `sessionTotals` must say after some events. */
export function expectedTotals(events: readonly SessionEvent[], range: DayRange) {
  const begun = viewsOf(events).filter(({ startedAt }) => isWithin(startedAt.slice(0, 10), range));
  const ids = begun.map(({ sessionId }) => sessionId);
  const facts = factsOf(events).filter(({ session }) => ids.includes(session));
  const active = begun.filter(({ status }) => status === 'ACTIVE').length;
  return { sessions: begun.length, active, ...summed(facts) };
}

/** What `groupMetrics` must say after some events, in any order. */
export function expectedGroups(
  events: readonly SessionEvent[],
  group: MetricGroup,
  range: DayRange,
) {
  const facts = factsOf(events);
  const names = new Set(facts.map((fact) => fact[group]));
  if (group === 'day')
    for (const { startedAt } of viewsOf(events)) names.add(startedAt.slice(0, 10));
  return [...names].flatMap((name) => {
    const own = facts.filter((fact) => fact[group] === name);
    const sessions =
      group === 'day'
        ? expectedTotals(events, { from: String(name), to: `${name} ` }).sessions
        : firstDays(own, name).filter((day) => isWithin(day, range)).length;
    const used = summed(own.filter(({ day }) => isWithin(day, range)));
    const isEmpty = sessions + Object.values<number>(used).reduce((sum, one) => sum + one) === 0;
    const isOutside = group === 'day' && !isWithin(String(name), range);
    return isEmpty || isOutside ? [] : [{ group: name, sessions, ...used }];
  });
}

/** Of each session in which a type or model took part, the first day. */
function firstDays(facts: readonly Fact[], name: string | null): string[] {
  const sessions = new Map<string, Fact[]>();
  for (const fact of facts)
    sessions.set(fact.session, [...(sessions.get(fact.session) ?? []), fact]);
  return [...sessions.values()].flatMap((own) => {
    // What nobody named takes part by a message alone; which day has the first says any cell of it.
    const those = name === null ? spoken(own) : own;
    return those
      .map(({ day }) => day)
      .sort()
      .slice(0, 1);
  });
}

/** Facts of cells (day, agent type, model) with a message. */
const spoken = (facts: readonly Fact[]): Fact[] =>
  facts.filter((fact) =>
    facts.some(
      (other) =>
        other.messages > 0 &&
        (['day', 'agentType', 'model'] as const).every((field) => other[field] === fact[field]),
    ),
  );
