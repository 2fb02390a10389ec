import { setTimeout as sleep } from 'node:timers/promises';
import { startFaultProxy, type Listening } from './fault-proxy.ts';

/** A server that a crowd listens to. */
export interface CrowdServer {
  readonly url: string;
  kill(): Promise<unknown>;
}

/** A system under test. */
export interface CrowdSystem {
  readonly name: string;
  start(port: string): Promise<CrowdServer>;
  /** Says a number; whether that was answered. */
  say(url: string, number: number): Promise<boolean>;
  /** Joins by the address; each number is passed on as it is received. Answers the way to leave. */
  join(url: string, received: (number: number) => void): () => void;
  /** What is sent, below the clients. */
  readonly listening?: Listening;
}

/** How a crowd is treated. */
export interface NetworkFaults {
  readonly listeners: number;
  readonly numbers: number;
  readonly perSecond: number;
  /** About how long a connection lives. */
  readonly livesMs: number;
}

/** What a crowd has received, all listeners together. */
export interface ReceivedEvents {
  readonly name: string;
  readonly lost: number;
  readonly doubled: number;
  readonly outOfOrder: number;
  readonly cuts: number;
}

/** When all is calm again and nobody has received anything for so long, no more is to come. */
const SILENCE_MS = 4_000;

/** Tells a crowd numbers through cuts, with a SIGKILL of the server and a new start half-way. */
export async function broadcastToCrowd(
  system: CrowdSystem,
  weather: NetworkFaults,
): Promise<ReceivedEvents> {
  let server = await system.start('0');
  const cables = await startFaultProxy(server.url, weather.livesMs, system.listening);
  const received = Array.from({ length: weather.listeners }, (): number[] => []);
  let last = performance.now();
  const leave = received.map((own) =>
    system.join(cables.url, (number) => {
      own.push(number);
      last = performance.now();
    }),
  );
  await sleep(1_000);
  const begin = performance.now();
  for (let number = 0; number < weather.numbers; number += 1) {
    const due = begin + (number * 1_000) / weather.perSecond;
    await sleep(Math.max(0, due - performance.now()));
    if (number === weather.numbers >> 1) {
      await server.kill();
      server = await system.start(new URL(server.url).port);
    }
    while (!(await system.say(server.url, number).catch(() => false))) await sleep(20);
  }
  cables.calm();
  const isComplete = (own: readonly number[]): boolean => new Set(own).size === weather.numbers;
  while (!received.every(isComplete) && performance.now() - last < SILENCE_MS) await sleep(50);
  for (const one of leave) one();
  await cables.close();
  await server.kill();
  return { name: system.name, cuts: cables.cuts, ...judge(received, weather.numbers) };
}

function judge(received: readonly (readonly number[])[], numbers: number) {
  const sum = (of: (own: readonly number[]) => number): number =>
    received.reduce((all, own) => all + of(own), 0);
  return {
    lost: sum((own) => numbers - new Set(own).size),
    doubled: sum((own) => own.length - new Set(own).size),
    outOfOrder: sum((own) => own.filter((number, nth) => number < (own[nth - 1] ?? -1)).length),
  };
}
