/** What a step is about, for the counts. */
export const ROUTES = ['base', 'blob', 'manifest', 'tag', 'upload', 'tags', 'catalog', 'referrers', 'bad'] as const;
export type Route = (typeof ROUTES)[number];

/** An upload session, whose address each world knows by itself. */
export interface SessionTarget {
  /** The number of the step that opened it. */
  readonly session: number;
  readonly name: string;
  /** What a client adds to the Location, such as `digest=…`; empty for nothing. */
  readonly query: string;
  /** Whether the client goes on at the first Location that it got, and not at the last. */
  readonly isStale?: boolean;
}

/**
 * One request of the sequence that both worlds get. It is plain data and can be sent without those before it: the
 * minimiser leaves any of them out.
 */
export interface Step {
  readonly route: Route;
  readonly method: string;
  /** The request target as it is sent, or the session that the request continues. */
  readonly target: string | SessionTarget;
  /** Each value of an array has a line of its own. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly body?: Buffer;
  /** The number of the session that a 202 opens. */
  readonly opens?: number;
  /** Which of the edges gets it: a share of their number, from 0 up to, but without, 1. */
  readonly edge: number;
}

/** What an operation says of a step; the rest is chosen where the sequence is made. */
export type Draft = Omit<Step, 'edge' | 'headers'> & { readonly headers?: Step['headers'] };

/** A longer body is not printed, nor one that is no text. */
const PRINTED_BYTES = 1_000;
const TEXT = /^[\n -~]*$/;

/** Writes a step so that it can be sent again by hand. */
export function describeStep({ method, target, headers, body, opens, edge }: Step): string {
  const line = typeof target === 'string' ? target : describeSession(target);
  const fields = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}`));
  const opened = opens === undefined ? [] : [`(opens session ${opens})`];
  const text = body?.toString() ?? '';
  const isPrinted = text.length <= PRINTED_BYTES && TEXT.test(text);
  const sent = body ? [isPrinted ? JSON.stringify(text) : `(${body.length} bytes)`] : [];
  return [`${method} ${line}`, ...fields, ...sent, ...opened, `(edge ${edge.toFixed(2)})`].join('  ');
}

function describeSession({ session, name, query, isStale }: SessionTarget): string {
  return `<${isStale ? 'first' : 'last'} Location of session ${session} in ${name}>${query && `&${query}`}`;
}
