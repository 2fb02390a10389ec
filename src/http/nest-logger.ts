import type { LoggerService } from '@nestjs/common';
import type { Logger } from 'pino';

/** Lets Nest speak through the service's logger; what it says of its own start is debug. */
export const nestLogger = (logger: Logger): LoggerService => {
  const line = (message: unknown): string =>
    typeof message === 'string' ? message : (JSON.stringify(message) ?? String(message));
  return {
    log: (message: unknown) => logger.debug(line(message)),
    debug: (message: unknown) => logger.debug(line(message)),
    warn: (message: unknown) => logger.warn(line(message)),
    error: (message: unknown, ...rest: unknown[]) => logger.error({ rest }, line(message)),
  };
};
