import { encode } from '../../../src/log/codec.ts';
import type { ServerRecord } from '../../../src/log/eventstoredb/client.ts';
import {
  fromServer,
  toServer,
  StreamNames,
  serverPositionOf,
  positionOf,
} from '../../../src/log/eventstoredb/mapping.ts';
import {
  isConflict,
  isMissing,
  refusalOf,
  unavailable,
} from '../../../src/log/eventstoredb/errors.ts';
import { Revisions } from '../../../src/log/eventstoredb/subscription.ts';
import type { NewEvent } from '../../../src/log/event-log.ts';
import { serverFault } from '../../support/eventstore/index.ts';
import { anEvent } from '../../support/log-events.ts';

const sent = (event: NewEvent) =>
  toServer(encode({ stream: 's', expected: 'any', events: [event] }, 100_000))[0]!;

const thrownBy = (work: () => unknown): unknown => {
  try {
    return { threwNothing: work() };
  } catch (fault) {
    return fault;
  }
};

/** As the server gives it back: through JSON. */
const recordOf = (event: NewEvent): ServerRecord => {
  const { contentType: _contentType, ...rest } = sent(event);
  return {
    ...(JSON.parse(JSON.stringify(rest)) as typeof rest),
    ...{ streamId: 's', revision: 7n, isJson: true, created: new Date(0) },
    position: { commit: 5n, prepare: 4n },
  };
};

describe('an event on the server', () => {
  const full: NewEvent = {
    ...anEvent({ text: 'a' }),
    v: 3,
    meta: { at: 'a', actor: 'b', commandId: 'c', correlationId: 'd', causationId: 'e' },
  };

  it('has cause and correlation where the server looks for them, and nothing twice', () => {
    expect(sent(full)).toEqual({
      ...{ id: full.id, type: full.type, contentType: 'application/json', data: full.data },
      metadata: {
        ...{ v: 3, at: 'a', actor: 'b', commandId: 'c' },
        ...{ $correlationId: 'd', $causationId: 'e' },
      },
    });
  });

  it('comes back as it was, its size counted as other stores do', () => {
    expect(fromServer(recordOf(full), 'session-a')).toEqual({
      ...full,
      ...{
        stream: 'session-a',
        revision: 7,
        position: `${'5'.padStart(19, '0')}${'4'.padStart(19, '0')}`,
      },
      bytes: JSON.stringify(full.data).length + JSON.stringify(full.meta).length,
    });
  });

  it('keeps values that are hard to keep', () => {
    for (const data of [
      ...[null, '', 0, false, [], 'a\0b', '\ud800', 1e308],
      JSON.parse('{"__proto__":{"a":1},"2":1,"1":2}') as unknown,
    ]) {
      const back = fromServer(recordOf(anEvent(data)), 's').data;
      expect(JSON.stringify(back)).toBe(JSON.stringify(data));
    }
  });

  it('is refused when meta has a name that only the store gives', () => {
    for (const name of ['v', '$correlationId', '$causationId']) {
      const event = anEvent();
      const strange = { ...event, meta: { ...event.meta, [name]: 1 } } as NewEvent;
      expect(thrownBy(() => sent(strange))).toMatchObject({
        code: 'invalid',
        field: `events.0.meta.${name}`,
      });
    }
  });

  it('that somebody else wrote is passed on, bytes as base64', () => {
    const record = { ...recordOf(full), metadata: undefined, isJson: false };
    expect(fromServer({ ...record, data: Buffer.from('hi') }, 's')).toMatchObject({
      ...{ type: full.type, v: 1, data: 'aGk=' },
      meta: { at: '1970-01-01T00:00:00.000Z', actor: 'system', commandId: full.id },
    });
    expect(fromServer({ ...record, metadata: Buffer.from('x') }, 's').v).toBe(1);
  });
});

describe('a position', () => {
  it('orders as a string as places of the server do, commit before prepare', () => {
    const places = [0n, 1n, 9n, 10n, 2n ** 40n, 2n ** 63n - 1n].flatMap((commit) =>
      [0n, commit].map((prepare) => ({ commit, prepare })),
    );
    const positions = places.map(positionOf);
    expect([...positions].sort()).toEqual(positions);
    expect(positions.map(serverPositionOf)).toEqual(places);
    expect(new Set(positions.map(({ length }) => length)).size).toBe(1);
  });

  it('is refused when it is none', () => {
    for (const text of ['1', 'x'.repeat(38), '0'.repeat(16), ' '.repeat(38)]) {
      expect(thrownBy(() => serverPositionOf(text))).toMatchObject({ code: 'invalid' });
    }
  });
});

describe('a stream on the server', () => {
  it('has its own name, or that after a prefix; others are not of the log', () => {
    for (const prefix of ['', 'test.', 'a_b.', 'a(b']) {
      const names = new StreamNames(prefix);
      const regex = new RegExp(names.regex, 'u');
      expect(names.toServer('session-1')).toBe(`${prefix}session-1`);
      expect(names.fromServer(`${prefix}session-1`)).toBe('session-1');
      expect(names.fromServer(names.heartbeat)).toBeUndefined();
      expect(names.fromServer(names.identity)).toBeUndefined();
      for (const name of ['$all', '$ce-session', '$$session-1']) {
        expect([names.fromServer(name), regex.test(name)]).toEqual([undefined, false]);
      }
      for (const name of [`${prefix}session-1`, names.heartbeat]) {
        expect(regex.test(name)).toBe(true);
      }
    }
    expect(new StreamNames('test.').fromServer('other.session-1')).toBeUndefined();
    expect(new RegExp(new StreamNames('test.').regex).test('testXsession-1')).toBe(false);
  });

  it('may not take a name of the server or of the adapter', () => {
    for (const stream of ['$all', '$$x', 'playhead-log', 'playhead-heartbeat']) {
      expect(thrownBy(() => new StreamNames('').toServer(stream))).toMatchObject({
        code: 'invalid',
        field: 'stream',
      });
    }
  });
});

describe('a fault of the client', () => {
  it('is known by its type, for it has no name and often no words', () => {
    expect(isConflict(serverFault('wrong-expected-version'))).toBe(true);
    expect(isMissing(serverFault('stream-not-found'))).toBe(true);
    expect(refusalOf(serverFault('maximum-append-size-exceeded'))?.code).toBe('too-large');
    expect(refusalOf(serverFault('stream-deleted'))?.code).toBe('deleted');
  });

  it.each([
    ['when the server goes down', serverFault('unavailable', '', 14)],
    ['when it is down', serverFault(undefined, '14 UNAVAILABLE', 14)],
    ['when it starts', serverFault('unknown', 'Could not recognize Server Is Not Ready')],
    ['when it stops', serverFault('unknown', 'RST_STREAM with code 0', 13)],
    ['that is no error at all', undefined],
  ])('%s says nothing of what took effect', (_when, fault) => {
    expect([isConflict(fault), isMissing(fault), refusalOf(fault)]).toEqual([
      false,
      false,
      undefined,
    ]);
    expect(unavailable(fault).code).toBe('unavailable');
  });
});

describe('revisions that a subscription brings', () => {
  it('must follow one another in each stream, wherever they begin', () => {
    const revisions = new Revisions();
    for (const [stream, revision] of [
      ['a', 5],
      ['b', 0],
      ['a', 6],
      ['b', 1],
    ] as const) {
      revisions.follow({ stream, revision });
    }
    expect(() => revisions.follow({ stream: 'a', revision: 8 })).toThrow('gap');
    expect(() => revisions.follow({ stream: 'a', revision: 6 })).toThrow('gap');
    revisions.follow({ stream: 'a', revision: 7 });
  });
});
