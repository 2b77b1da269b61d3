import { clearAndTell } from '../cache/writeBack.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Route } from '../oci/route.ts';
import type { Upstream } from '../upstream.ts';
import { handBack, send } from './passthrough.ts';

/** KV takes one write a second for a key. */
const RENEWAL_RETRY_MS = 1_100;

/**
 * DELETE of a blob, or of a manifest by its digest. The tombstone is written before the origin is asked, so that a store
 * that cannot forget stops the delete, and renewed after its answer, so that nothing confirmed meanwhile remains. In
 * both link sets: registries that keep manifests among the blobs lose both.
 * @throws RegistryError UNSUPPORTED where deletes are switched off; UNAVAILABLE where the cache cannot forget
 */
export async function deleteContent(
  ctx: RequestContext,
  upstream: Upstream,
  route: Route & { readonly name: RepositoryName },
  digest: Digest,
): Promise<Response> {
  if (!upstream.deleteEnabled) throw new RegistryError('UNSUPPORTED', { message: 'deletes are switched off' });
  ctx.emit({ kind: 'forward', reason: 'bypass' });
  const forget = () =>
    Promise.all(
      (['blobs', 'manifests'] as const).map((links) =>
        clearAndTell(ctx, digest, upstream.descriptors.repositoryScoped(route.name, links)),
      ),
    );
  await forget().catch((cause) => {
    throw new RegistryError('UNAVAILABLE', { message: 'the cache cannot forget now; nothing was deleted', cause });
  });

  let refused = false;
  try {
    const { response } = await send(ctx, upstream, route);
    refused = response.status >= 300 && response.status !== 404;
    return handBack(ctx, upstream, response);
  } finally {
    // Also when the origin did not answer: it may have deleted all the same.
    if (!refused) await forget().catch(() => retry(forget));
  }
}

/** The first tombstone stands, so a renewal that fails for good is in the log and does not undo the origin's answer. */
async function retry(forget: () => Promise<unknown>): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, RENEWAL_RETRY_MS));
  await forget().catch(() => undefined);
}
