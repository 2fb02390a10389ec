import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { CommandHandler } from '../../commands/command-handler.ts';
import type { SessionSubscriptions } from '../../live/session/session-subscriptions.ts';
import type { DifferenceSampler } from '../../projecting/difference-sampler.ts';
import type { Projector } from '../../projecting/projector.ts';

/** Where the numbers come from. */
export interface Measured {
  readonly commands: CommandHandler;
  readonly projector: Projector;
  readonly sampler: DifferenceSampler;
  readonly sessionSubscriptions: SessionSubscriptions;
}

/** The service's own registry, so that several services in one process do not mix. */
export function createMetrics({ commands, projector, sampler, sessionSubscriptions }: Measured) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, prefix: 'playhead_' });
  gauge(
    registry,
    'commands_waiting',
    'Commands taken and not answered yet',
    () => commands.waiting,
  );
  gauge(
    registry,
    'session_subscriptions',
    'Open session subscriptions',
    () => sessionSubscriptions.viewers,
  );
  gauge(
    registry,
    'session_rooms',
    'Sessions with live viewers',
    () => sessionSubscriptions.sessions,
  );
  projectionGauge(registry, 'lag_seconds', 'Age of the oldest event that is not applied', () =>
    projector.status().map(({ name, lagMs }) => [name, lagMs / 1000]),
  );
  projectionGauge(registry, 'parked_sessions', 'Parked sessions', () =>
    projector.status().map(({ name, parked }) => [name, parked]),
  );
  projectionCounter(registry, 'checked_sessions', 'Sessions compared with the log', () =>
    sampler.counts().map(({ name, checked }) => [name, checked]),
  );
  projectionCounter(registry, 'differences', 'Rows found not to be what the log says', () =>
    sampler.counts().map(({ name, differences }) => [name, differences]),
  );
  const ingested = new Counter({
    name: 'playhead_ingested_total',
    help: 'Events taken by ingest; kept-first had the id of another message',
    labelNames: ['outcome'],
    registers: [registry],
  });
  return { registry, ingested };
}

/** A number without labels that is asked for whenever somebody reads the metrics. */
export function gauge(registry: Registry, name: string, help: string, ask: () => number): void {
  new Gauge({
    name: `playhead_${name}`,
    help,
    registers: [registry],
    collect() {
      this.set(ask());
    },
  });
}

/** Numbers that somebody else counts. */
function projectionCounter(
  registry: Registry,
  name: string,
  help: string,
  ask: () => [projection: string, value: number][],
): void {
  new Counter({
    name: `playhead_projection_${name}_total`,
    help,
    labelNames: ['projection'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [projection, value] of ask()) this.inc({ projection }, value);
    },
  });
}

function projectionGauge(
  registry: Registry,
  name: string,
  help: string,
  ask: () => [projection: string, value: number][],
): void {
  new Gauge({
    name: `playhead_projection_${name}`,
    help,
    labelNames: ['projection'],
    registers: [registry],
    collect() {
      for (const [projection, value] of ask()) this.set({ projection }, value);
    },
  });
}
