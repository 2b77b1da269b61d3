import { hexOf } from '../oci/hash.ts';

/** Where a request stands in a trace (W3C Trace Context): the edge is one span of it. */
export interface Trace {
  /** 32 hex digits. */
  readonly id: string;
  /** The edge's own span, 16 hex digits: the parent of what it asks. */
  readonly span: string;
  /** The `traceparent` for the origin. */
  readonly parent: string;
  /** The client's `tracestate`. */
  readonly state: string | undefined;
}

/** Version 00, or the beginning of a later one, which may only add fields. */
const TRACEPARENT = /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/;
const ZEROS = /^0+$/;
/** Whether the trace is sampled, and whether its id is random; the other flags are not known. */
const KNOWN_FLAGS = 0b11;
const SPAN_BYTES = 8;

/**
 * Continues the trace of a client. A malformed `traceparent` is dropped, and `tracestate` with it.
 * @returns `undefined` without one
 */
export function continueTrace(client: Headers): Trace | undefined {
  const given = client.get('traceparent');
  if (given === null) return undefined;
  const [, id = '', parent = '', flags = ''] = TRACEPARENT.exec(given) ?? [];
  if (ZEROS.test(id) || ZEROS.test(parent) || id === '') return undefined;
  const span = hexOf(crypto.getRandomValues(new Uint8Array(SPAN_BYTES)).buffer);
  const known = (Number.parseInt(flags, 16) & KNOWN_FLAGS).toString(16).padStart(2, '0');
  return { id, span, parent: `00-${id}-${span}-${known}`, state: client.get('tracestate') ?? undefined };
}
