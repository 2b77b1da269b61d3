import { clear } from '../../cache/clear.ts';
import type { RequestContext } from '../../context.ts';
import { parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { LINK_SETS } from '../../oci/links.ts';
import { BadRecord } from '../../stores/faults.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { answerJson, guard, orUnavailable } from './guard.ts';

/**
 * `GET` and `DELETE /_edge/descriptors/<digest>`, for operators: what the store knows of a digest over all repositories,
 * and how to make every repository's entry a miss at once. Guarded by `ADMIN_TOKEN` as a bearer token.
 * @returns JSON, a descriptor or null for each link set; after a DELETE what was known before
 * @throws RegistryError as `guard`; DIGEST_INVALID; UNSUPPORTED: the store keeps no global records; UNAVAILABLE: the store
 *   failed
 */
export async function descriptorsRoute(
  ctx: RequestContext,
  upstream: Upstream,
  adminToken: string | undefined,
  digestText: string,
): Promise<Response> {
  await guard(ctx, adminToken, ['GET', 'HEAD', 'DELETE']);
  const digest = parseDigest(digestText);
  const { unscoped } = upstream.descriptors;
  const { unscoped: ofStore } = upstream.shared;
  if (!unscoped || !ofStore) {
    throw new RegistryError('UNSUPPORTED', { message: 'this store keeps no global records; redis and inmemory do' });
  }
  return orUnavailable(async () => {
    // From the store, since the memory before it keeps none.
    const known = await Promise.all(LINK_SETS.map((links) => ofStore(links).stat(ctx, digest).catch(rubbishAsNothing)));
    if (ctx.method === 'DELETE') await Promise.all(LINK_SETS.map((links) => clear(ctx, digest, unscoped(links))));
    const found = LINK_SETS.map((links, at) => [links, known[at]?.descriptor ?? null]);
    return answerJson(ctx, { digest, ...Object.fromEntries(found) });
  });
}

/** What no setter wrote is not told, and can be cleared. @throws any other fault */
function rubbishAsNothing(fault: unknown): undefined {
  if (!(fault instanceof BadRecord)) throw fault;
}
