import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { hashName, isHashOf } from '../../oci/hash.ts';
import type { ForwardedBody } from './forwardBody.ts';
import { tapStream } from './tapStream.ts';

/**
 * Larger bodies are not hashed: one MiB costs about 6 ms of CPU (measured on two old cores), and a Worker of the free
 * plan has 10 ms.
 */
const MAX_HASHED_BYTES = 1024 * 1024;

/** A request's body that is hashed on its way to the origin. */
export interface HashedBody extends ForwardedBody {
  /**
   * Waits for the proof that this body is the whole content of the digest.
   * @returns `undefined` where it is not, or is not sent completely in time
   */
  proof(waitMs: number): Promise<Proof | undefined>;
}

export interface Proof {
  /** In bytes. */
  readonly size: number;
  /** Epoch ms at which the last byte was sent: what the origin's answer confirms was true then or later. */
  readonly sentAt: number;
}

/**
 * Hashes the request's body on its way to the origin. The kind of request does not prove that a body is the whole
 * content, since the PUT that ends an upload may bring only its last piece; a hash that matches the digest does.
 * @returns `undefined` for a body without a length, or a long one
 */
export function hashBody(ctx: RequestContext, digest: Digest): HashedBody | undefined {
  const { body, headers } = ctx.request;
  const size = parseWholeNumber(headers.get('content-length'));
  if (!body || size === undefined || size > MAX_HASHED_BYTES) return undefined;

  const hash = new crypto.DigestStream(hashName(digest));
  hash.digest.catch(() => undefined);
  const writer = hash.getWriter();
  const tapped = tapStream(body, size, (piece) => writer.write(piece));
  const hashed = tapped.completed.then(async (isComplete) => {
    const sentAt = ctx.now();
    if (!isComplete) {
      await writer.abort().catch(() => undefined);
      return undefined;
    }
    await writer.close();
    return isHashOf(digest, await hash.digest) ? { size, sentAt } : undefined;
  });
  return { body: tapped.body, brokenOff: tapped.brokenOff, proof: (waitMs) => within(hashed, waitMs) };
}
