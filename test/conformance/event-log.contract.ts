import type { EventLog } from '../../src/log/event-log.ts';
import { appendCases } from './append-cases.ts';
import { followCases } from './follow-cases.ts';
import { modelCases } from './model-cases.ts';
import { readCases } from './read-cases.ts';
import { valueCases } from './value-cases.ts';

/** What not every log can do; its cases are skipped by name where it cannot. */
export interface Abilities {
  /** What was stored is there when the log is opened again. */
  readonly restart: boolean;
  /** Two open logs share one store, as two nodes do. */
  readonly twoNodes: boolean;
  /** Connections to the store can be cut under an open log. */
  readonly cutConnections: boolean;
}

/** A store of its own for each test. */
export interface LogStore {
  open(): Promise<EventLog>;
  /** Needed for `cutConnections`: cuts all connections that open logs have. */
  cut?(): Promise<void>;
  drop(): Promise<void>;
}

/** What the cases of one subject are given. */
export interface Subject {
  /** The log under test, on a store of this test's own. */
  readonly log: () => EventLog;
  readonly store: () => LogStore;
  /** `it`, or `it.skip` when the log lacks an ability. */
  readonly itIf: (ability: keyof Abilities) => jest.It;
}

/** The cases that every adapter of the port passes. */
export function itIsAnEventLog(
  name: string,
  makeStore: () => Promise<LogStore>,
  abilities: Abilities,
): void {
  describe(`the ${name} log`, () => {
    let store: LogStore;
    let log: EventLog;

    beforeEach(async () => {
      store = await makeStore();
      log = await store.open();
    });

    afterEach(async () => {
      await log.close();
      await store.drop();
    });

    const subject: Subject = {
      log: () => log,
      store: () => store,
      itIf: (ability) => (abilities[ability] ? it : it.skip),
    };
    describe('appends', () => appendCases(subject));
    describe('keeps values', () => valueCases(subject));
    describe('is read', () => readCases(subject));
    describe('is followed', () => followCases(subject));
    describe('agrees with a model', () => modelCases(subject));
  });
}
