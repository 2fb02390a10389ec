import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPresence } from '@playhead/contract';
import fc from 'fast-check';
import { Presence } from '../../src/live/presence/presence.ts';
import { MessageBatch } from '../../src/nodes/batching.ts';
import type { NodeMessage } from '../../src/nodes/messages.ts';
import type { Nodes } from '../../src/nodes/nodes.ts';
import { readPacket } from '../../src/nodes/packet.ts';
import { Peers } from '../../src/nodes/peers.ts';

/* Nodes in one process; payloads between them go through here, and only some of them arrive. */

const limits = { presenceIntervalMs: 1, presenceViewersMax: 3, nodeHeartbeatMs: 5 };

class Wire {
  readonly ends = new Set<(payload: string) => void>();
  payloads = 0;
  /** Whether the nth payload reaches a node. */
  arrives: (nth: number) => boolean = () => true;

  send(payloads: readonly string[]): void {
    for (const payload of payloads) {
      for (const end of this.ends) if (this.arrives((this.payloads += 1))) end(payload);
    }
  }
}

interface Node {
  readonly presence: Presence;
  readonly announced: SessionPresence[];
  /** Ends it as a crash does. */
  crash(): void;
}

function startNode(wire: Wire, id: string, nodeMissedHeartbeatsMax = 5): Node {
  const gathering = new MessageBatch(id, { payloadBytesMax: 7_999, pendingBytesMax: 100_000 });
  const peers = new Peers({ nodeMissedHeartbeatsMax, nodesMax: 10 });
  const end = (payload: string): void => {
    const packet = readPacket(payload);
    if (packet && packet.from !== id) peers.take(packet);
  };
  wire.ends.add(end);
  const nodes: Nodes = {
    id,
    get others() {
      return peers.size;
    },
    send: (message: NodeMessage) => gathering.add(message),
    listen: (listener) => peers.listen(listener),
    close: () => Promise.resolve(),
  };
  const announced: SessionPresence[] = [];
  const presence = new Presence(limits, nodes, (got) => announced.push(got));
  const beats = setInterval(() => {
    peers.beat();
    wire.send(gathering.take());
  }, limits.nodeHeartbeatMs);
  const crash = (): void => {
    clearInterval(beats);
    wire.ends.delete(end);
    presence.stop();
  };
  const node = { presence, announced, crash };
  running.push(node);
  return node;
}

const running: Node[] = [];
const crashAll = (): void => running.splice(0).forEach((node) => node.crash());
afterEach(crashAll);

const idOf = (nth: number): string => `3f1b2c4d-0000-4000-8000-00000000000${nth}`;

async function eventually(holds: () => boolean): Promise<boolean> {
  for (const end = Date.now() + 5_000; !holds() && Date.now() < end;) await sleep(5);
  return holds();
}

const step = fc.record({
  node: fc.nat(2),
  sessionId: fc.constantFrom('a', 'b', 'c'),
  viewer: fc.constantFrom('v', 'w', 'x', 'y', 'z'),
  isEntering: fc.boolean(),
});

it('whatever is lost between nodes, all of them know in the end who is where', async () => {
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 40 }),
    fc.array(fc.boolean(), { minLength: 1, maxLength: 40 }),
    async (steps, arrivals) => {
      crashAll();
      const wire = new Wire();
      const nodes = [0, 1, 2].map((nth) => startNode(wire, idOf(nth)));
      const there: string[] = [];
      wire.arrives = (nth) => arrivals[nth % arrivals.length] ?? true;
      for (const [nth, { node, sessionId, viewer, isEntering }] of steps.entries()) {
        const who = `${node} ${sessionId} ${viewer}`;
        if (isEntering) there.push(who);
        else if (there.includes(who)) there.splice(there.indexOf(who), 1);
        else continue;
        nodes[node]?.presence[isEntering ? 'enter' : 'leave'](sessionId, viewer);
        if (nth % 5 === 0) await sleep(3);
      }
      wire.arrives = () => true;
      const right = ['a', 'b', 'c'].map((sessionId) => {
        const all = there.filter((who) => who.split(' ')[1] === sessionId);
        const ids = [...new Set(all.map((who) => who.split(' ')[2] ?? ''))].sort().slice(0, 3);
        const socketsOf = (id: string) => all.filter((who) => who.endsWith(` ${id}`)).length;
        const viewers = ids.map((id) => ({ id, sockets: socketsOf(id) }));
        return { sessionId, total: all.length, viewers };
      });
      const seen = ({ presence }: Node) => right.map(({ sessionId }) => presence.of(sessionId));
      const isRight = () =>
        nodes.every((node) => JSON.stringify(seen(node)) === JSON.stringify(right));
      await eventually(isRight);
      expect(nodes.map(seen)).toEqual([right, right, right]);
    },
  );
  await fc.assert(property, { numRuns: 30, endOnFailure: true });
});

it('what is lost between nodes that know each other is asked for', async () => {
  const wire = new Wire();
  const [here, there] = [startNode(wire, idOf(1), 1_000), startNode(wire, idOf(2), 1_000)];
  here.presence.enter('a', 'v');
  expect(await eventually(() => there.presence.of('a').total === 1)).toBe(true);
  await sleep(50);
  wire.arrives = () => false;
  here.presence.leave('a', 'v');
  here.presence.enter('b', 'v');
  await sleep(50);
  expect(['a', 'b'].map((sessionId) => there.presence.of(sessionId).total)).toEqual([1, 0]);
  wire.arrives = () => true;
  expect(await eventually(() => there.presence.of('b').total === 1)).toBe(true);
  expect(await eventually(() => there.presence.of('a').total === 0)).toBe(true);
});

it('who begins to listen is notified of the nodes that are there already', () => {
  const peers = new Peers({ nodeMissedHeartbeatsMax: 5, nodesMax: 1 });
  for (const from of [idOf(1), idOf(2)]) peers.take({ from, nth: 1, messages: [] });
  const received: string[] = [];
  const listener = { received: () => undefined, arrived: (node: string) => received.push(node) };
  peers.listen(listener)();
  peers.take({ from: idOf(1), nth: 2, messages: [], bye: true });
  peers.take({ from: idOf(2), nth: 2, messages: [] });
  expect(received).toEqual([idOf(1)]);
});

it('thousands of sessions are sent in few payloads, and nothing is sent while nothing changes', async () => {
  const wire = new Wire();
  const first = startNode(wire, idOf(1));
  const ids = Array.from({ length: 5_000 }, (_, nth) => `session ${nth}`);
  for (const sessionId of ids) first.presence.enter(sessionId, 'key:one');
  await sleep(20);
  const second = startNode(wire, idOf(2));
  const knows = () => ids.every((sessionId) => second.presence.of(sessionId).total === 1);
  expect(await eventually(knows)).toBe(true);
  // To each of two ends; one node's sessions are about 500 KB, and a payload 8 KB.
  expect(wire.payloads / 2).toBeLessThan(150);
  // A busy machine may still be asking for what came late; whoever never rests has no such window.
  const isQuiet = async (): Promise<boolean> => {
    const [before, since] = [wire.payloads, Date.now()];
    await sleep(100);
    const beats = ((Date.now() - since) / limits.nodeHeartbeatMs + 2) * 4;
    return wire.payloads - before <= beats;
  };
  let isAtRest = false;
  for (let window = 0; window < 20 && !isAtRest; window += 1) isAtRest = await isQuiet();
  expect(isAtRest).toBe(true);
  for (const sessionId of ids) first.presence.leave(sessionId, 'key:one');
  expect(await eventually(() => ids.every((id) => second.presence.of(id).total === 0))).toBe(true);
});

it('a node that falls silent is gone, and its viewers with it', async () => {
  const wire = new Wire();
  const [here, there] = [startNode(wire, idOf(1)), startNode(wire, idOf(2))];
  here.presence.enter('a', 'v');
  there.presence.enter('a', 'w');
  expect(await eventually(() => here.announced.at(-1)?.total === 2)).toBe(true);
  wire.arrives = () => false;
  expect(await eventually(() => here.announced.at(-1)?.total === 1)).toBe(true);
  wire.arrives = () => true;
  expect(await eventually(() => here.announced.at(-1)?.total === 2)).toBe(true);
});
