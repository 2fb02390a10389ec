import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { CommandHandler } from '../handle-command.ts';
import type { Projector } from '../projecting/projector.ts';
import type { Feed } from '../live/feed.ts';

export interface Measured {
  readonly commands: CommandHandler;
  readonly projector: Projector;
  readonly feed: Feed;
}

/** The service's own registry, so that several services in one process do not mix. */
export function createMetrics({ commands, projector, feed }: Measured) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'playhead_' });
  const registers = [registry];
  void feed;
  new Gauge({
    name: 'playhead_commands_waiting',
    help: 'Commands taken and not answered yet',
    registers,
    collect() {
      this.set(commands.waiting);
    },
  });
  new Gauge({
    name: 'playhead_projection_lag_seconds',
    help: 'Age of the oldest event a projection has not taken',
    labelNames: ['projection'],
    registers,
    collect() {
      for (const { name, lagMs } of projector.status())
        this.set({ projection: name }, lagMs / 1000);
    },
  });
  new Gauge({
    name: 'playhead_projection_parked_sessions',
    help: 'Sessions that a projection has set aside',
    labelNames: ['projection'],
    registers,
    collect() {
      for (const { name, parked } of projector.status()) this.set({ projection: name }, parked);
    },
  });
  const ingested = new Counter({
    name: 'playhead_ingested_total',
    help: 'Events taken by ingest; kept-first had the id of another message',
    labelNames: ['outcome'],
    registers,
  });
  return { registry, ingested };
}
