import type { EdgeEvent } from './events.ts';
import { timesOf } from './headers.ts';
import type { Trace } from './trace.ts';

/** Writes log lines: a message and plain values, never a credential, a query or a redirect URL. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  /** @param fields or what returns them, which is asked only if the line is written */
  info(message: string, fields?: LogFields | (() => LogFields)): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export type LogFields = Readonly<Record<string, unknown>>;
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Creates a logger that writes one JSON object per line, which Workers Logs indexes by field. */
export function createLogger(level: LogLevel, write: (line: string) => void = console.log): Logger {
  const lowest = LOG_LEVELS.indexOf(level);
  function at(name: LogLevel): Logger['info'] {
    if (LOG_LEVELS.indexOf(name) < lowest) return () => {};
    return (message, fields) => write(JSON.stringify({ level: name, message, ...given(fields) }));
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** Returns a logger that adds fields to every line of another one. */
export function withFields(log: Logger, fields: LogFields): Logger {
  const at =
    (name: Exclude<LogLevel, 'info'>): Logger['debug'] =>
    (message, more) =>
      log[name](message, { ...fields, ...more });
  return {
    ...{ debug: at('debug'), warn: at('warn'), error: at('error') },
    info: (message, more) => log.info(message, () => ({ ...fields, ...given(more) })),
  };
}

function given(fields: LogFields | (() => LogFields) | undefined): LogFields | undefined {
  return typeof fields === 'function' ? fields() : fields;
}

const NO_FIELDS: LogFields = {};

/**
 * Returns the policies that refused a request, or would have, and what became of a pull that the origin counts. Hardly
 * any request has one of them.
 */
export function decisionFields(events: readonly EdgeEvent[]): LogFields {
  let fields = NO_FIELDS;
  for (const event of events) {
    if (event.kind === 'policy') {
      const { policy, outcome } = event;
      fields = { ...fields, [outcome]: fields[outcome] ? `${fields[outcome]},${policy}` : policy };
    } else if (event.kind === 'budget') {
      const { outcome, left } = event;
      fields = { ...fields, budget: outcome, left };
    }
  }
  return fields;
}

/** Returns the time that a request spent on stores, on the token server and on the origin, in ms. */
export function timeFields(events: readonly EdgeEvent[]): LogFields {
  const { cacheMs, tokenMs, originMs } = timesOf(events);
  return { cacheMs, tokenMs, originMs };
}

/** Returns where a request stands in its client's trace. */
export function traceFields(trace: Trace | undefined): LogFields {
  return trace ? { trace: trace.id, span: trace.span } : NO_FIELDS;
}

/**
 * Returns the names of an error and of its causes, never their messages: messages of the stores contain whole commands,
 * those of `fetch` contain signed URLs.
 */
export function errorName(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  return error.cause === undefined ? error.name : `${error.name} < ${errorName(error.cause)}`;
}

/** Returns the stack frames of an error, without its message. */
export function framesOf({ stack = '' }: Error): string[] {
  return stack.split('\n').filter((line) => /^\s+at /.test(line));
}
