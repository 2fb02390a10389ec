import { ID, readRollout as read, sums, tokens } from '../support/codex-lines.ts';
import { entriesOf, faultsOf, messagesOf, reportsOf } from '../support/imported.ts';

describe('a forked rollout of Codex', () => {
  const at = (ms: number) => new Date(ms).toISOString();
  const began = Date.parse('2026-02-01T00:00:00Z');
  const v7 = (ms: number) => {
    const hex = ms.toString(16).padStart(12, '0');
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
  };
  const own = v7(began);
  const meta = { id: own, forked_from_id: ID, timestamp: at(began) };
  const message = (role: string, text: string) => ({
    type: 'response_item',
    payload: { type: 'message', role, content: [{ type: 'input_text', text }] },
  });
  const count = (total: object, last: object) => ({
    type: 'event_msg',
    payload: { type: 'token_count', info: { total_token_usage: total, last_token_usage: last } },
  });
  const turn = (ms: number) => ({
    type: 'event_msg',
    payload: { type: 'task_started', turn_id: v7(ms) },
  });
  const parents = [
    { type: 'session_meta', payload: { id: ID, timestamp: '2026-01-02T03:04:05Z' } },
    turn(began - 1_000_000),
    message('user', 'the parent’s'),
    count(tokens(100, 0, 10, 0), tokens(100, 0, 10, 0)),
    turn(began - 500_000),
    message('assistant', 'the parent’s too'),
    count(tokens(300, 0, 30, 0), tokens(200, 0, 20, 0)),
  ];
  const ours = [
    turn(began + 50),
    message('user', 'our own'),
    count(tokens(1_300, 0, 130, 0), tokens(1_000, 0, 100, 0)),
  ];
  const expectOnlyOurs = (lines: readonly object[]) => {
    const all = read(lines);
    expect(faultsOf(all)).toEqual([]);
    expect(new Set(entriesOf(all).map(({ sessionId }) => sessionId))).toEqual(new Set([own]));
    const content = messagesOf(all).map((one) => one.content);
    expect(content.filter((text) => text !== '')).toEqual(['our own']);
    expect(sums(all)).toEqual({ tokens: 1_100, input: 1_000, output: 100 });
    expect(JSON.stringify(all)).toContain('the parent’s too');
    const [start] = reportsOf(all, 'report-start');
    expect(start?.start.extra).toMatchObject({ forked_from_id: ID });
  };
  const stamped = (time: (nth: number) => number, lines: readonly object[]) =>
    lines.map((one, nth) => ({ timestamp: at(time(nth)), ...one }));
  const first = { timestamp: at(began), type: 'session_meta', payload: meta };
  const withoutTurns = (lines: readonly { readonly payload: object }[]) =>
    lines.filter(({ payload }) => !('turn_id' in payload));

  it('counts its own, where the copy has the time of the fork', () => {
    const copy = stamped((nth) => began + nth, [...parents, ...ours]);
    expectOnlyOurs([first, ...copy]);
  });

  it('counts its own, where the copy has the times of the parent', () => {
    const copy = stamped((nth) => began - 2_000_000 + nth * 1_000, withoutTurns(parents));
    const rest = stamped((nth) => began + 5_000 + nth, withoutTurns(ours));
    expectOnlyOurs([first, ...copy, ...rest]);
  });

  it('counts its own, where nothing says which turn is whose but the pause', () => {
    const copy = stamped((nth) => began + nth, withoutTurns(parents));
    const rest = stamped((nth) => began + 5_000 + nth, withoutTurns(ours));
    expectOnlyOurs([first, ...copy, ...rest]);
  });

  it('and one that was resumed go on in the same session', () => {
    const again = { ...first, payload: { ...meta, forked_from_id: undefined } };
    const more = message('user', 'and on');
    const all = read([again, ...stamped((nth) => began + nth, [...ours, again, more])]);
    expect(messagesOf(all).map(({ content }) => content)).toEqual(['our own', '', 'and on']);
    expect(reportsOf(all, 'report-start')).toHaveLength(1);
  });
});
