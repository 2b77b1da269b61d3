import { clear } from '../../cache/clear.ts';
import type { RequestContext } from '../../context.ts';
import { parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { LINK_SETS } from '../../oci/links.ts';
import { BadRecord } from '../../stores/faults.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable, upstreamOf } from './guard.ts';

/**
 * Answers `GET` and `DELETE /_edge/descriptors/<digest>`, for operators with the `ADMIN_TOKEN`: shows the global record
 * of a digest, or clears it, which makes every repository's entry a miss.
 * @returns JSON: a descriptor or null for each link set; in answer to a DELETE, what the record was before
 * @throws RegistryError as `guard`; DIGEST_INVALID; NAME_UNKNOWN: the store has no global records; UNAVAILABLE: the
 *   store failed
 */
export async function descriptorsRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
  digestText: string,
): Promise<Response> {
  await guard(ctx, adminToken, ['GET', 'HEAD', 'DELETE']);
  const [upstream] = upstreamOf(ctx, upstreams);
  const digest = parseDigest(digestText);
  const { unscoped } = upstream.descriptors;
  const { unscoped: storeUnscoped } = upstream.shared;
  if (!unscoped || !storeUnscoped) {
    throw new RegistryError('NAME_UNKNOWN', {
      message: 'this store has no records over all repositories: BLOBDESCRIPTOR=redis and inmemory have',
    });
  }
  return orUnavailable(async () => {
    // Read from the store, since the memory tier in front of it has no global records.
    const stats = LINK_SETS.map((links) => storeUnscoped(links).stat(ctx, digest).catch(ignoreBadRecord));
    const entries = await Promise.all(stats);
    if (ctx.method === 'DELETE') await Promise.all(LINK_SETS.map((links) => clear(ctx, digest, unscoped(links))));
    const descriptors = LINK_SETS.map((links, at) => [links, entries[at]?.descriptor ?? null]);
    return jsonAnswer(ctx, { digest, ...Object.fromEntries(descriptors) });
  });
}

/** Treats a bad record as absent, so that it can be cleared. @throws any other fault */
function ignoreBadRecord(fault: unknown): undefined {
  if (!(fault instanceof BadRecord)) throw fault;
}
