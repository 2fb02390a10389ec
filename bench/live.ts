import type { Bench } from './support/bench.ts';
import { recordLoop } from './support/recorded-loop.ts';
import { startBareServer, startService } from './support/program.ts';
import { quantile } from './support/quantile.ts';
import { playhead, socketIo } from './support/compared-servers.ts';
import { measureLatencies } from './support/live-latencies.ts';

/** The service is compiled while it runs, and goes on being so for a while at this rate. */
const WARM_UP_MS = 20_000;

/**
 * From posting a message until a viewer has it: 1,000 viewers in 100 sessions, 500 messages a
 * second (each to ten viewers), beside Socket.IO that sends on what is posted without keeping it.
 * With it go the turns of the service's event loop meanwhile: nothing is delivered during one, so
 * the longest make the latencies at the end. The longest themselves are printed with what ran.
 */
export const live: Bench = {
  name: 'live',
  async run(context) {
    const database = await context.freshDatabase();
    const recording = await recordLoop();
    const service = await startService(database.url, '0', recording.env);
    recording.begin(service);
    const ours = await measureLatencies(playhead, service.url, WARM_UP_MS);
    const { figures, longest } = await recording.end(ours.measured);
    for (const turn of longest) console.log(`live.turn\t${turn}`);
    await service.stop();
    await database.drop();
    const bare = await startBareServer();
    const others = await measureLatencies(socketIo, bare.url, WARM_UP_MS);
    await bare.stop();
    return [
      { name: 'p50', value: quantile(ours.latencies, 0.5), unit: 'ms' },
      { name: 'p99', value: quantile(ours.latencies, 0.99), unit: 'ms' },
      { name: 'bare.p50', value: quantile(others.latencies, 0.5), unit: 'ms' },
      { name: 'bare.p99', value: quantile(others.latencies, 0.99), unit: 'ms' },
      { name: 'delivered', value: ours.latencies.length, unit: 'messages' },
      ...figures,
    ];
  },
};
