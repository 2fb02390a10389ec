import { pino } from 'pino';
import { StartupError } from './startup/startup-error.ts';
import { ConfigError, readConfig } from './config.ts';
import { withSecretFiles } from './startup/secret-files.ts';
import { startService, type Service } from './startup/service.ts';

/**
 * What npm passes on comes beside what the terminal has sent to everyone: one Ctrl-C, two signals.
 */
const oneCtrlCMs = 1_000;

/**
 * Stops once, however many signals come, and only after a start that is still going on: what it
 * starts would be left behind. Whoever signals again after a while does not want to wait.
 */
function stopOnSignals(starting: Promise<Service>): void {
  let first: number | undefined;
  const stop = (): void => {
    if (first !== undefined && performance.now() - first > oneCtrlCMs) process.exit(1);
    if (first !== undefined) return;
    first = performance.now();
    starting
      .then((service) => service.stop())
      .then(
        () => process.exit(0),
        () => process.exit(1),
      );
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
}

try {
  const config = readConfig(withSecretFiles(process.env));
  const logger = pino({ level: config.logLevel }, pino.destination(2));
  const starting = startService(config, logger, (reason) => {
    console.error(`the embedded Postgres ended: ${reason}`);
    process.exit(1);
  });
  stopOnSignals(starting);
  const service = await starting;
  console.log(`Playhead listens on ${service.url}`);
  if (service.firstKey) {
    console.log(`Admin key, shown only this once: ${service.firstKey}`);
  }
} catch (failure) {
  const isExplained = failure instanceof ConfigError || failure instanceof StartupError;
  console.error(isExplained ? failure.message : failure);
  process.exit(1);
}
