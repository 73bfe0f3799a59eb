/** Logging: pino behind a small interface. JSON off a terminal; every line carries `room`. Never log a secret. */
import { type Logger as PinoLogger, pino } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

export interface Logger {
  trace(fields: object, message?: string): void;
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
  /** A logger for one room; its name stands in every line as `room`. */
  child(bindings: { room: string } & Record<string, unknown>): Logger;
}

/** Makes the root logger; `destination` defaults to stderr, so stdout stays free for answers. */
export function createLogger(level: LogLevel, destination?: { write(line: string): void }): Logger {
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: ['password', '*.password', 'secret', '*.secret', 'token', '*.token', 'authorization', '*.authorization'],
    serializers: { error: pino.stdSerializers.err, err: pino.stdSerializers.err },
  };
  const root: PinoLogger = pino(options, destination ?? pino.destination({ fd: 2, sync: false }));
  return root as unknown as Logger;
}

/** Says nothing; for tests. */
export const silentLogger: Logger = createLogger('silent');
