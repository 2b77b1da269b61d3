import { allDone, eachInTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RepositoryDescriptors } from '../cache/provider.ts';
import type { Digest } from '../oci/digest.ts';
import { LINK_SETS, type LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Repository } from './repository.ts';
import type { Upstream } from './upstream.ts';

/** What a repository has to forget. */
export interface Forgetting {
  /** Content that is gone. The manifests that the tags pointed to are added, so that a repetition includes them. */
  readonly digests: Set<Digest>;
  /** Tags that moved or are gone. */
  readonly tags?: readonly string[];
  /** The manifest that the tags point to now, which is kept; absent if they are gone, or nobody knows. */
  readonly to?: Digest | undefined;
  /** How far from now the tombstones reach, in ms; see `BlobDescriptorService.clear`. */
  readonly clearedForMs?: number | undefined;
}

/**
 * Makes this isolate forget what a change in the repository may have made wrong at once: nobody joins a question that
 * was asked before it, and no list from before it answers.
 */
export function forgetInIsolate({ flights, lists }: Upstream, name: RepositoryName): void {
  flights.close(name);
  lists.drop(name);
}

/**
 * Forgets content and tags of a repository, everywhere: law 7. Tags come first, since the manifests that they are known
 * to have pointed to are forgotten too: some registries delete a manifest when its tag moves or is deleted (zot). Both
 * link sets are cleared, since an error does not say from which the content was deleted, and registries keep manifests
 * among the blobs.
 * @param verb `markDeleting` while a delete is under way: the tombstones are written, and nothing is removed yet
 * @throws CacheFault the store failed: entries may still answer
 */
export async function forget(
  repository: Repository,
  { digests, tags = [], to, clearedForMs }: Forgetting,
  verb: 'clear' | 'markDeleting' = 'clear',
): Promise<void> {
  const { ctx, upstream, name } = repository;
  forgetInIsolate(upstream, name);
  if (digests.size > 0) upstream.recentUploads.drop(name);
  if (tags.length > 0) {
    await observeClear(ctx, verb, async () => {
      const pointedTo = await upstream.tags.drop(ctx, name, tags, clearedForMs);
      for (const digest of pointedTo) if (digest !== to) digests.add(digest);
    });
  }
  const forgetIn = (descriptors: RepositoryDescriptors) => {
    if (verb === 'clear') return [observeClear(ctx, verb, () => descriptors.clearEach(ctx, digests, clearedForMs))];
    const mark = (digest: Digest) => descriptors.markDeleting(ctx, digest, clearedForMs);
    return [...digests].map((digest) => observeClear(ctx, verb, () => mark(digest)));
  };
  if (digests.size > 0) await allDone(repository.allDescriptors().flatMap(forgetIn));
}

/**
 * Evicts content that the origin does not have: only entries that were confirmed before it was asked, and at the cost
 * of a look only for digests that are not stored. Unless the store clears both link sets in one request, one comes
 * after the other, since KV accepts few requests at once.
 * @param sentAtMs when the question was sent that the origin denied (epoch ms)
 * @returns the digests that were stored as manifests
 * @throws CacheFault the store failed: entries may still answer
 */
export async function evict(
  repository: Repository,
  digests: Iterable<Digest>,
  sentAtMs: number,
): Promise<ReadonlySet<Digest>> {
  let manifests: ReadonlySet<Digest> = new Set();
  const evictIn = async (links: LinkSet) => {
    const evicted = await repository.descriptors(links).evict(repository.ctx, digests, sentAtMs);
    if (links === 'manifests') manifests = evicted;
  };
  if (repository.upstream.descriptors.isAtomic) await allDone(LINK_SETS.map(evictIn));
  else await eachInTurn(LINK_SETS, evictIn);
  return manifests;
}
