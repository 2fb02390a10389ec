import fc from 'fast-check';
import { MessageBatch } from '../../src/nodes/batching.ts';
import { readPacket } from '../../src/nodes/packet.ts';

const from = '3f1b2c4d-0000-4000-8000-000000000001';
const limits = { payloadBytesMax: 1_000, pendingBytesMax: 10_000 };

const ask = (node: string) => ({ type: 'ask' as const, node });
const packets = (payloads: readonly string[]) =>
  payloads.map((payload) => {
    const packet = readPacket(payload);
    if (!packet) throw new Error(`unreadable: ${payload}`);
    return packet;
  });

it('what is gathered comes out once, in order, in few payloads that fit and are counted up', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string({ unit: 'binary', maxLength: 100 }), { maxLength: 30 }), {
        maxLength: 4,
      }),
      (rounds) => {
        const gathering = new MessageBatch(from, limits);
        let nth = 0;
        for (const round of rounds) {
          const taken = round.filter((node) => gathering.add(ask(node)));
          const payloads = gathering.take();
          const bytes = payloads.map((payload) => Buffer.byteLength(payload));
          expect(bytes.filter((size) => size > limits.payloadBytesMax)).toEqual([]);
          expect(payloads.length).toBeLessThanOrEqual(
            1 + bytes.reduce((sum, size) => sum + size, 0) / (limits.payloadBytesMax / 2),
          );
          const read = packets(payloads);
          expect(read.flatMap(({ messages }) => messages)).toEqual(taken.map(ask));
          expect(read.map((packet) => packet.nth)).toEqual(payloads.map((_, at) => nth + at + 1));
          nth += payloads.length;
          expect(gathering.isEmpty).toBe(true);
        }
      },
    ),
  );
});

it('takes what just fits a payload, and no byte more', () => {
  const longest = (): number => {
    for (let length = 1; ; length += 1) {
      if (!new MessageBatch(from, limits).add(ask('x'.repeat(length)))) return length - 1;
    }
  };
  const gathering = new MessageBatch(from, limits);
  expect(gathering.add(ask('x'.repeat(longest())))).toBe(true);
  const [payload = ''] = gathering.take(true);
  expect(payload.length).toBeGreaterThan(limits.payloadBytesMax - 20);
  expect(payload.length).toBeLessThanOrEqual(limits.payloadBytesMax);
  expect(packets([payload])[0]).toMatchObject({ from, bye: true });
});

it('drops what is too much to wait, and takes more once the rest has gone', () => {
  const gathering = new MessageBatch(from, limits);
  const all = Array.from({ length: 1_000 }, (_, nth) => ask(`node ${nth}`));
  const taken = all.filter((message) => gathering.add(message));
  expect(taken).toEqual(all.slice(0, taken.length));
  expect(taken.length).toBeLessThan(all.length);
  expect(Buffer.byteLength(JSON.stringify(taken))).toBeLessThanOrEqual(limits.pendingBytesMax + 1);
  expect(packets(gathering.take()).flatMap(({ messages }) => messages)).toEqual(taken);
  expect(gathering.add(ask('later'))).toBe(true);
});

it('a beat is one payload without messages, and what is dropped leaves a gap in the count', () => {
  const gathering = new MessageBatch(from, limits);
  expect(packets(gathering.take())).toEqual([{ from, nth: 1, messages: [] }]);
  gathering.drop();
  expect(packets(gathering.take())).toEqual([{ from, nth: 2, messages: [] }]);
  gathering.add(ask('a'));
  gathering.drop();
  expect(packets(gathering.take())).toEqual([{ from, nth: 4, messages: [] }]);
});

it('nothing but a packet is read as one, and unknown messages in it are left out', () => {
  const packet = { from, nth: 1, messages: [] };
  const odd: unknown[] = [
    ...[null, 1, 'x', [], {}, [packet], { ...packet, from: 'me' }, { ...packet, nth: 0 }],
    ...[
      { ...packet, nth: 1.5 },
      { ...packet, messages: {} },
      { ...packet, bye: 1 },
    ],
  ];
  expect(odd.flatMap((one) => readPacket(JSON.stringify(one)) ?? [])).toEqual([]);
  for (const text of ['', '{', 'x'.repeat(7_999)]) expect(readPacket(text)).toBeUndefined();
  const unknown = [null, 7, { type: 'new' }, { type: 'presence', presence: { total: -1 } }];
  const messages = [...unknown, ask('a'), { type: 'state', at: 'over' }];
  expect(readPacket(JSON.stringify({ ...packet, messages }))?.messages).toEqual([ask('a')]);
});
