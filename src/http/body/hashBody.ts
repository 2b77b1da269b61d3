import { within } from '../../async.ts';
import type { RequestContext } from '../../context.ts';
import { parseWholeNumber } from '../../oci/descriptor.ts';
import type { Digest, DigestAlgorithm } from '../../oci/digest.ts';
import { digestFrom, hashName } from '../../oci/hash.ts';
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
   * Waits until all of the body is hashed.
   * @returns `undefined` where the body is too large, broke off, or is not sent completely in time
   */
  content(waitMs: number): Promise<HashedContent | undefined>;
}

/** What the hash of a whole body says of it. */
export interface HashedContent {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Epoch ms at which the last byte was sent: what the origin's answer confirms was true then or later. */
  readonly sentAt: number;
}

/** Somebody else who needs the pieces of a body. */
export interface PieceTaker {
  /** Takes a piece, which is overwritten afterwards. @returns whether it needs the next one */
  write(piece: Uint8Array): Promise<boolean>;
}

/**
 * Hashes the request's body on its way to the origin. Clients that compress while they upload state no length; of a
 * body that turns out to be too large, only the beginning is hashed, and the runtime passes on the rest.
 * @param taker gets all pieces, however large the body is
 * @returns `undefined` for a request without a body, or with a large one that nobody takes
 */
export function hashBody(
  ctx: RequestContext,
  algorithm: DigestAlgorithm,
  taker?: PieceTaker | undefined,
): HashedBody | undefined {
  const { body, headers } = ctx.request;
  const length = parseWholeNumber(headers.get('content-length'));
  const isHashed = (length ?? 0) <= MAX_HASHED_BYTES;
  if (!body || !(isHashed || taker)) return undefined;

  const hash = new crypto.DigestStream(hashName(algorithm));
  hash.digest.catch(() => undefined);
  const writer = hash.getWriter();
  let size = 0;
  const tapped = tapStream(body, length, async (piece) => {
    size += piece.length;
    const needsHash = isHashed && size <= MAX_HASHED_BYTES;
    const [needsMore = false] = await Promise.all([taker?.write(piece), needsHash && writer.write(piece)]);
    return needsMore || needsHash;
  });
  const hashed = tapped.completed.then(async (isComplete) => {
    const sentAt = ctx.now();
    if (!isComplete || !isHashed) {
      await writer.abort().catch(() => undefined);
      return undefined;
    }
    await writer.close();
    return { digest: digestFrom(algorithm, await hash.digest), size, sentAt };
  });
  return { body: tapped.body, brokenOff: tapped.brokenOff, content: (waitMs) => within(hashed, waitMs) };
}
