import { setTimeout as sleep } from 'node:timers/promises';
import { HttpConnection } from './http-connection.ts';
import { adminKey } from './program.ts';

/** Messages posted at a steady rate, in turn to each room. */
export interface SteadyPosts {
  readonly writers: readonly HttpConnection[];
  readonly rooms: readonly string[];
  readonly perSecond: number;
  /** What is sent before that is not timed: the service is compiled while it runs. */
  readonly warmUpMs: number;
  readonly measureMs: number;
  body(room: string, message: string): string;
  /** When a timed message was sent, by its name. */
  readonly sent: Map<string, number>;
}

/** So many connections that post to a URL. */
export const openWriters = (url: URL, count: number): Promise<HttpConnection[]> =>
  Promise.all(Array.from({ length: count }, () => HttpConnection.open(url, adminKey)));

/** Posts them whatever the answers take. */
export async function postSteadily(about: SteadyPosts): Promise<void> {
  const { rooms, perSecond, warmUpMs, measureMs, sent } = about;
  const free = [...about.writers];
  const begin = performance.now();
  const all = ((warmUpMs + measureMs) * perSecond) / 1_000;
  for (let nth = 0; nth < all; nth += 1) {
    const due = begin + (nth * 1_000) / perSecond;
    while (performance.now() < due || free.length === 0) await sleep(1);
    const writer = free.pop() as HttpConnection;
    const message = `message ${nth}`;
    if (due >= begin + warmUpMs) sent.set(message, performance.now());
    const body = about.body(rooms[nth % rooms.length] ?? '', message);
    void writer.post(body).then(() => free.push(writer));
  }
}
