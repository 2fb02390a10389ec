import { pino } from 'pino';
import { ConfigError, readConfig, type Config } from './config.ts';
import { DataFolderInUse } from './embedded-postgres/index.ts';
import { startService, type Service } from './service.ts';

/** What the person who started the service can do something about, in one line. */
function explain(failure: unknown, config: Config | undefined): string | undefined {
  if (failure instanceof ConfigError || failure instanceof DataFolderInUse) return failure.message;
  const { code } = failure as { code?: unknown };
  if (code === 'EADDRINUSE') return `port ${config?.port} on ${config?.host} is in use; set PORT`;
  if (code === 'EACCES') return `no right to listen on port ${config?.port}; set PORT`;
  if (code === 'ENOTFOUND' || code === 'EADDRNOTAVAIL') {
    return `cannot listen on HOST ${config?.host}`;
  }
  return undefined;
}

/** Stops once, however many signals come; a second one does not wait. */
function stopOnSignals(service: Service): void {
  let stopping = false;
  const stop = (): void => {
    if (stopping) process.exit(1);
    stopping = true;
    service.stop().then(
      () => process.exit(0),
      () => process.exit(1),
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}

let config: Config | undefined;
try {
  config = readConfig(process.env);
  const logger = pino({ level: config.logLevel }, pino.destination(2));
  const service = await startService(config, logger, (reason) => {
    console.error(`the embedded Postgres ended: ${reason}`);
    process.exit(1);
  });
  stopOnSignals(service);
  console.log(`Playhead listens on ${service.url}`);
  if (service.firstKey) {
    console.log(`Admin key, shown only this once: ${service.firstKey}`);
  }
} catch (failure) {
  const line = explain(failure, config);
  console.error(line ?? failure);
  process.exit(1);
}
