import { batchesOf, eachInTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { Copy } from '../http/body/copies.ts';
import type { Digest } from '../oci/digest.ts';
import { digestsIn } from '../oci/manifest.ts';
import { BLOB_TYPE } from '../oci/mediaTypes.ts';
import { statedTypes } from '../oci/neededBlobs.ts';
import type { Repository } from './repository.ts';

/** Only the first blobs of a larger manifest are checked. */
const MAX_BLOBS = 100;
/** KV accepts few requests at once. */
const CONCURRENCY = 5;

/**
 * Evicts the blobs of a pushed manifest that are stored without a media type of their own, or with another one than the
 * manifest states. Some origins take a blob's media type from the manifests that name it, so the push may have changed
 * it. Does nothing unless this origin was seen to do that.
 * @param copy the manifest
 */
export async function forgetBlobTypes(repository: Repository, copy: Copy | undefined): Promise<void> {
  const { ctx, upstream, name } = repository;
  const answeredAtMs = ctx.now();
  const manifest = upstream.origin.traits.typesBlobs ? await copy?.whole(upstream.cacheTimeoutMs) : undefined;
  if (!manifest) return;
  const digests = [...digestsIn(new TextDecoder().decode(manifest.content))].slice(0, MAX_BLOBS);
  const shared = upstream.shared.repositoryScoped(name, 'blobs');
  const stated = statedTypes(manifest.content);
  const changed: Digest[] = [];
  const collectChanged = async (digest: Digest) => {
    const mediaType = (await shared.stat(ctx, digest))?.descriptor.mediaType;
    if (mediaType === undefined) return;
    if (mediaType === BLOB_TYPE || mediaType !== (stated.get(digest) ?? mediaType)) changed.push(digest);
  };
  await observeClear(ctx, 'clear', async () => {
    await eachInTurn(
      batchesOf(digests, CONCURRENCY),
      async (batch) => void (await Promise.all(batch.map(collectChanged))),
    );
    if (changed.length > 0) await repository.descriptors('blobs').evict(ctx, changed, answeredAtMs);
  }).catch(() => undefined);
}
