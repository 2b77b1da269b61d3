import { parseWholeNumber } from '../../oci/descriptor.ts';

/** A client's body on its way to the origin. */
export interface ForwardedBody {
  /** To be sent on. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Aborted where it broke off on the client's side (malformed chunks, fewer bytes than announced): then nothing more will
   * come. `fetch` says the same of that as of an origin that closes the connection.
   */
  readonly brokenOff: AbortSignal;
}

/**
 * After a pump has stopped, an origin that is to blame fails the request in the same moment; where that stays open for so
 * long, the client is.
 */
const BLAME_MS = 100;

/**
 * A request's body as it is, pumped by the runtime. One without a length is not ended where it broke off: workerd would
 * end it as if it were whole. Whoever sends it has to end the request.
 */
export function forwardBody({ body, headers }: Request): ForwardedBody | undefined {
  if (!body) return undefined;
  const length = parseWholeNumber(headers.get('content-length'));
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const broken = new AbortController();
  body.pipeTo(writable, { preventAbort: true }).catch(() => setTimeout(() => broken.abort(), BLAME_MS));
  return { body: readable, brokenOff: broken.signal };
}
