import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { hashName, isHashOf } from '../../oci/hash.ts';
import type { ForwardedBody } from './forwardBody.ts';
import { tapStream } from './tapStream.ts';

/**
 * Larger bodies are not hashed: a mebibyte costs about 6 ms of CPU (two old cores), and a Worker of the free plan has 10.
 */
const MAX_HASHED_BYTES = 1024 * 1024;

/** A request's body on its way, hashed. */
export interface HashedBody extends ForwardedBody {
  /** That these bytes are all of the content. */
  proof(waitMs: number): Promise<Proof | undefined>;
}

export interface Proof {
  /** In bytes. */
  readonly size: number;
  /** Epoch ms at which the last byte was sent: what the origin says of it was true then or later. */
  readonly sentAt: number;
}

/**
 * Hashes the request's body on its way. A hash that fits proves more than how the upload was made: a PUT may bring only
 * the last piece of it.
 * @returns `undefined` for a body without a length, or a long one
 */
export function hashBody(ctx: RequestContext, digest: Digest): HashedBody | undefined {
  const { body, headers } = ctx.request;
  const size = parseWholeNumber(headers.get('content-length'));
  if (!body || size === undefined || size > MAX_HASHED_BYTES) return undefined;

  const hash = new crypto.DigestStream(hashName(digest));
  hash.digest.catch(() => undefined);
  const writer = hash.getWriter();
  const passing = tapStream(body, size, (piece) => writer.write(piece));
  const sent = passing.passed.then(async (isWhole) => {
    const sentAt = ctx.now();
    if (!isWhole) {
      await writer.abort().catch(() => undefined);
      return undefined;
    }
    await writer.close();
    return isHashOf(digest, await hash.digest) ? { size, sentAt } : undefined;
  });
  return { body: passing.body, brokenOff: passing.brokenOff, proof: (waitMs) => within(sent, waitMs) };
}
