import type { EventLog } from '../../src/log/event-log.ts';

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
export interface LogUnderTest {
  /** The log under test, on a store of this test's own. */
  readonly log: () => EventLog;
  readonly store: () => LogStore;
  /** `it`, or `it.skip` when the log lacks an ability. */
  readonly itIf: (ability: keyof Abilities) => jest.It;
}
