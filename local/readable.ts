interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

/**
 * Formats a line of the Worker's log for people: a request with its upstream, status, time and cache status, other lines
 * with their fields. Returns anything that is not the Worker's as it is.
 */
export function readableLine(json: string): string {
  const line = parse(json);
  if (!line) return json;
  const { level, message, ...fields } = line;
  if (message !== 'request') {
    return `${level.padEnd(5)} ${message} ${Object.keys(fields).length > 0 ? JSON.stringify(fields) : ''}`.trimEnd();
  }
  const { method, path, status, ms, cache, upstream } = fields;
  const of = upstream === undefined ? '' : `${upstream}:`;
  return [status, String(method).padEnd(6), `${of}${path}`, `${ms} ms`, cache ?? ''].join(' ').trimEnd();
}

function parse(json: string): LogLine | undefined {
  try {
    const line = JSON.parse(json) as LogLine | null;
    return typeof line?.level === 'string' && typeof line.message === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}
