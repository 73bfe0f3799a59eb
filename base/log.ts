/** Logging: pino behind a small interface. Lines for people on a terminal, JSON elsewhere; every line carries `room`. Never log a secret. */
import { isatty } from 'node:tty';
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
  const root: PinoLogger = pino(
    options,
    destination ??
      (isatty(2) ? { write: (line: string) => process.stderr.write(humanLine(line)) } : pino.destination({ fd: 2, sync: false })),
  );
  return root as unknown as Logger;
}

const hiddenFields = new Set(['level', 'time', 'room', 'msg']);
const colors: Record<string, string> = { warn: '\u001b[33m', error: '\u001b[31m', fatal: '\u001b[31m' };

/** One JSON line as a person reads it: `16:38:22 metadata  the catalog log is restored  epoch=1 ms=37`. */
export function humanLine(json: string): string {
  let fields: Record<string, unknown>;
  try {
    fields = JSON.parse(json) as Record<string, unknown>;
  } catch {
    return json;
  }
  const level = String(fields['level']);
  const shown = Object.entries(fields)
    .filter(([name]) => !hiddenFields.has(name))
    .map(([name, value]) => `${name}=${humanValue(value)}`);
  const head = `${String(fields['time']).slice(11, 19)} ${level === 'info' ? '' : `${level.toUpperCase()} `}${String(fields['room'] ?? '')}`;
  return `${colors[level] ?? ''}${head}: ${String(fields['msg'] ?? '')}${colors[level] ? '\u001b[0m' : ''}${shown.length > 0 ? `  ${shown.join(' ')}` : ''}\n`;
}

function humanValue(value: unknown): string {
  if (value !== null && typeof value === 'object') {
    const { message, stack } = value as { message?: unknown; stack?: unknown };
    return message === undefined ? JSON.stringify(value) : String(stack ?? message);
  }
  const text = String(value);
  return /\s/.test(text) ? JSON.stringify(text) : text;
}

/** Says nothing; for tests. */
export const silentLogger: Logger = createLogger('silent');
