import { parseWholeNumber } from '../../oci/descriptor.ts';

/** A client's body on its way to the origin. */
export interface ForwardedBody {
  /** The stream for the origin. */
  readonly body: ReadableStream<Uint8Array>;
  /**
   * Aborted where the body broke off on the client's side (malformed chunks, fewer bytes than announced): no more of it
   * will come. `fetch` rejects in the same way as for an origin that closes the connection.
   */
  readonly brokenOff: AbortSignal;
}

/**
 * How long after the body stopped the client is blamed. If the origin is to blame, the request fails in the same
 * moment; if it is still open after this time, the client is.
 */
const BLAME_MS = 100;

/** Forwards a request's body unchanged, pumped by the runtime. */
export function forwardBody({ body, headers }: Request): ForwardedBody | undefined {
  if (!body) return undefined;
  const length = parseWholeNumber(headers.get('content-length'));
  const { readable, writable } = length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length);
  const broken = new AbortController();
  passOn(body, writable, broken);
  return { body: readable, brokenOff: broken.signal };
}

/**
 * Lets the runtime pump a body to the origin. A stream without a length is not ended where the client broke off,
 * because workerd would end it as if it were complete; the sender has to abort the request then.
 * @param broken is aborted where the body broke off
 */
export function passOn(
  body: ReadableStream<Uint8Array>,
  writable: WritableStream<Uint8Array>,
  broken: AbortController,
): void {
  body.pipeTo(writable, { preventAbort: true }).catch(() => setTimeout(() => broken.abort(), BLAME_MS));
}
