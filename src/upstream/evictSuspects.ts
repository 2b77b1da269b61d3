import { observeClear } from '../cache/clear.ts';
import type { Digest } from '../oci/digest.ts';
import { digestsIn, MAX_NAMED } from '../oci/manifest.ts';
import { CONTENT_TIMEOUT_MS } from '../stores/options.ts';
import { evict } from './forget.ts';
import type { Repository } from './repository.ts';

/** At most 20 evicted manifests are read, and none after the first 8 MiB: they are held until the request is over. */
const MAX_MANIFESTS_READ = 20;
const MAX_BYTES_READ = 8 * 1024 * 1024;

/**
 * Evicts those of the digests that are stored, as blobs or as manifests, and everything that the evicted manifests
 * name. Without the latter, an index whose content is all lost would be refused once for each level below it. A fault
 * of the store is logged, not thrown.
 * @param refusedAtMs when the origin refused (epoch ms): entries that were confirmed later stay
 */
export async function evictSuspects(
  repository: Repository,
  digests: ReadonlySet<Digest>,
  refusedAtMs: number,
): Promise<void> {
  const evictBounded = (suspects: ReadonlySet<Digest>) =>
    evict(repository, [...suspects].slice(0, MAX_NAMED), refusedAtMs);
  // Read before the eviction, after which memory does not know them any more.
  const sizes = manifestSizes(repository, digests);
  await observeClear(repository.ctx, 'evict', async () => {
    const children = await namedBy(repository, await evictBounded(digests), sizes);
    await evictBounded(children.difference(digests));
  }).catch(() => undefined);
}

/** Returns the sizes of the manifests among the digests, as far as this isolate's memory has them. */
function manifestSizes({ ctx, upstream, name }: Repository, digests: Iterable<Digest>): Map<Digest, number> {
  const sizes = new Map<Digest, number>();
  for (const digest of digests) {
    const entry = upstream.descriptors.peek?.(ctx, name, 'manifests', digest);
    if (entry) sizes.set(digest, entry.descriptor.size);
  }
  return sizes;
}

/**
 * Returns the digests that the manifests name, as far as their content is stored and arrives within the time that the
 * store has for content. Manifests are read one after the other, since each takes room, and KV accepts few requests at
 * once.
 */
async function namedBy(
  { ctx, upstream: { contents } }: Repository,
  manifests: Iterable<Digest>,
  sizes: ReadonlyMap<Digest, number>,
): Promise<Set<Digest>> {
  const deadline = ctx.now() + CONTENT_TIMEOUT_MS;
  let bytesRead = 0;
  let named = new Set<Digest>();
  for (const digest of [...manifests].slice(0, MAX_MANIFESTS_READ)) {
    if (bytesRead >= MAX_BYTES_READ || ctx.now() >= deadline) break;
    const size = sizes.get(digest);
    const content = await contents
      .get(ctx, digest, size === undefined ? undefined : async () => size)
      .catch(() => undefined);
    bytesRead += content?.length ?? 0;
    named = named.union(digestsIn(new TextDecoder().decode(content)));
  }
  return named;
}
