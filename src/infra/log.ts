import { type DestinationStream, type Logger, pino } from 'pino';
import type { Config } from '../config.ts';
import type { Log } from './ports.ts';
import { maskText, redact } from './redact.ts';

const over = (logger: Logger): Log => {
  // The level is asked first: redaction costs nothing for a line that is not written.
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (data: object, message: string) => {
    if (logger.isLevelEnabled(level)) logger[level](data instanceof Error ? { error: redact(data) } : redact(data), maskText(message));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (bindings) => over(logger.child(redact(bindings) as object)),
  };
};

/**
 * A structured log, one JSON object a line, on standard output or `destination`.
 * Secrets are replaced by name, by type and by look at any depth (./redact.ts); errors are told with their stacks and causes.
 */
export const createLog = (config: Pick<Config, 'LOG_LEVEL'>, destination?: DestinationStream): Log =>
  over(
    pino(
      {
        level: config.LOG_LEVEL,
        base: { pid: process.pid },
        // pino's own would take a described error apart again.
        serializers: { err: (described) => described },
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
      },
      destination ?? pino.destination(1),
    ),
  );
