import { batchesOf, inTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RequestContext } from '../context.ts';
import type { Copy } from '../http/body/copies.ts';
import type { Digest } from '../oci/digest.ts';
import { digestsIn } from '../oci/manifest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from './upstream.ts';

/** Of a larger manifest the first blobs are looked at. */
const MAX_BLOBS = 100;
/** KV takes few requests at once. */
const AT_ONCE = 5;

/**
 * Where the origin tells a blob's media type by the manifest that names it, a pushed manifest gives its blobs one: those that
 * are kept without are forgotten. Nothing is done where the origin was not seen to do so.
 * @param copy the manifest
 */
export async function forgetTypes(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  copy: Copy | undefined,
): Promise<void> {
  const answeredAtMs = ctx.now();
  const pushed = upstream.origin.traits.typesBlobs ? await copy?.whole(upstream.cacheTimeoutMs) : undefined;
  if (!pushed) return;
  const named = [...digestsIn(new TextDecoder().decode(pushed.content))].slice(0, MAX_BLOBS);
  const shared = upstream.shared.repositoryScoped(name, 'blobs');
  const untyped: Digest[] = [];
  const look = async (digest: Digest) => {
    if ((await shared.stat(ctx, digest))?.descriptor.mediaType === BLOB_TYPE) untyped.push(digest);
  };
  await observeClear(ctx, 'clear', async () => {
    await inTurn(batchesOf(named, AT_ONCE), async (some) => void (await Promise.all(some.map(look))));
    if (untyped.length > 0)
      await upstream.descriptors.repositoryScoped(name, 'blobs').evict(ctx, untyped, answeredAtMs);
  }).catch(() => undefined);
}
