import { allDone } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { RepositoryDescriptors } from '../stores/descriptors.ts';
import { bothLinkSets } from './repository.ts';
import type { Upstream } from './upstream.ts';

/**
 * Drops where tags led, and forgets the manifests that they are known to have led to: some registries delete a manifest when
 * its tag moves or goes (zot). To a registry that does not it costs a question.
 * @param to where the tags lead now: that manifest stays; `undefined` where they are gone, or nobody knows
 * @param clearedForMs as `Tags.drop`
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
  const led = [...(await upstream.tags.drop(ctx, name, tags, clearedForMs))].filter((digest) => digest !== to);
  if (led.length === 0) return;
  const clearIn = (scope: RepositoryDescriptors) =>
    observeClear(ctx, 'clear', () => scope.clearEach(ctx, led, clearedForMs));
  await allDone(bothLinkSets(upstream, name).map(clearIn));
}
