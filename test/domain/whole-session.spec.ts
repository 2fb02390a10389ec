import fc from 'fast-check';
import { decide } from '../../src/domain/session.ts';
import { initialState } from '../../src/domain/session-state.ts';
import {
  reported,
  type ConversationEvent,
} from '../../src/importing/agentpipe/reported-commands.ts';
import { idOfText } from '../../src/importing/imported-entry.ts';
import { DecidedSession } from '../support/decided-session.ts';
import { bodyOf, reports } from '../support/reports.ts';

/* A whole session at once is the session that its reports make one by one. */

const wholes = fc
  .uniqueArray(reports, { maxLength: 12, selector: (report) => bodyOf('s', report) })
  .map((some) =>
    some.map((report) => {
      const body = bodyOf('s', report);
      const command = reported(JSON.parse(body) as ConversationEvent, body, 'cli-upload');
      return { id: idOfText(body), report: command, meta: { occurredAt: report.timestamp } };
    }),
  );

it('leads to the same facts at the same times', () => {
  fc.assert(
    fc.property(wholes, (whole) => {
      const session = new DecidedSession();
      for (const { id, report, meta } of whole) session.take(report, id, meta.occurredAt);
      const decided = decide({ type: 'report-session', reports: whole }, initialState(), 'c');
      if ('refused' in decided) throw new Error(decided.message);
      expect(
        decided.facts.map(({ type, data, meta }) => ({ type, data, at: meta?.occurredAt })),
      ).toEqual(
        session.events.map(({ type, data, meta }) => ({ type, data, at: meta.occurredAt })),
      );
    }),
    { numRuns: 300 },
  );
});

it('is refused where there is a session, and leaves its state as it was', () => {
  fc.assert(
    fc.property(wholes, (whole) => {
      const command = { type: 'report-session' as const, reports: whole };
      const fresh = initialState();
      decide(command, fresh, 'c');
      expect(fresh).toEqual(initialState());
      const session = new DecidedSession();
      session.take({ type: 'session.start', data: {} }, 'start');
      expect(session.take(command, 'c')).toMatchObject({ refused: 'refused' });
      expect(session.events).toHaveLength(1);
    }),
    { numRuns: 50 },
  );
});
