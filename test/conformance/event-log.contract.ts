import type { EventLog } from '../../src/log/event-log.ts';
import { appendCases } from './append-cases.ts';
import { followCases } from './follow-cases.ts';
import { modelCases } from './model-cases.ts';
import { readCases } from './read-cases.ts';
import type { Abilities, LogStore, LogUnderTest } from './log-under-test.ts';
import { valueCases } from './value-cases.ts';

/** The cases that every adapter of the port passes; skipped by name where no store is there. */
export function itIsAnEventLog(
  name: string,
  makeStore: () => Promise<LogStore>,
  abilities: Abilities,
  isThere = true,
): void {
  (isThere ? describe : describe.skip)(`the ${name} log`, () => {
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

    const subject: LogUnderTest = {
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
