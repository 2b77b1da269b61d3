import { allDone } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { RepositoryDescriptors } from '../stores/descriptors.ts';
import { bothLinkSets } from './repository.ts';
import type { Upstream } from './upstream.ts';

/**
 * Drops tags, and clears the manifests that they are known to have pointed to: some registries delete a manifest when
 * its tag moves or is deleted (zot). With other registries this costs one question per manifest.
 * @param to the manifest that the tags point to now, which is kept; `undefined` if they are gone, or nobody knows
 * @param clearedForMs as for `Tags.drop`
 * @throws CacheFault
 */
export async function forgetTags(
  ctx: RequestContext,
  upstream: Upstream,
  {
    name,
    tags,
    to,
  }: { readonly name: RepositoryName; readonly tags: readonly string[]; readonly to: Digest | undefined },
  clearedForMs?: number,
): Promise<void> {
  const dropped = await upstream.tags.drop(ctx, name, tags, clearedForMs);
  const manifests = [...dropped].filter((digest) => digest !== to);
  if (manifests.length === 0) return;
  const clearIn = (scope: RepositoryDescriptors) =>
    observeClear(ctx, 'clear', () => scope.clearEach(ctx, manifests, clearedForMs));
  await allDone(bothLinkSets(upstream, name).map(clearIn));
}
