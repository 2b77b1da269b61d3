import type { Absence } from '../access/absences.ts';
import { inTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import { isStoreFault, lookUp } from '../cache/lookup.ts';
import type { RequestContext } from '../context.ts';
import type { LinkSet } from '../oci/links.ts';
import { accepts } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import { CacheFault } from '../stores/faults.ts';
import type { Upstream } from './upstream.ts';

interface ContentScope {
  readonly name: RepositoryName;
  readonly links: LinkSet;
}

/**
 * Records that the origin answered a caller's question with 404. If the caller has proved that it may know of content
 * of this kind in this repository, the digest is evicted after the reply. Otherwise the absence is noted until the
 * caller proves that: a stranger's 404 evicts nothing.
 */
export async function recordAbsence(
  ctx: RequestContext,
  upstream: Upstream,
  scope: ContentScope,
  { digest, sentAt }: Pick<Absence, 'digest' | 'sentAt'>,
): Promise<void> {
  const { authorizer, absences } = upstream;
  const absence = { digest, sentAt, accept: ctx.request.headers.get('accept') };
  const { kind } = await authorizer.authorize(ctx, scope.name, `HEAD ${scope.links}`);
  if (kind === 'granted') ctx.waitUntil(evictAbsences(ctx, upstream, scope, [absence]));
  else absences.add(ctx, scope.name, scope.links, absence);
}

/**
 * Evicts each absent digest, as of the time at which its question was sent, and removes its note.
 * @throws CacheFault the store failed; the absences that could not be evicted stay noted for the caller's next proof
 */
export async function evictAbsences(
  ctx: RequestContext,
  upstream: Upstream,
  { name, links }: ContentScope,
  absences: readonly Absence[],
): Promise<void> {
  const descriptors = upstream.descriptors.repositoryScoped(name, links);
  await observeClear(ctx, 'clear', () =>
    inTurn(absences, async (absence) => {
      const { digest, sentAt } = absence;
      if (links === 'blobs' || (await hadAcceptedType(ctx, upstream, name, absence))) {
        await descriptors.evict(ctx, [digest], sentAt);
      }
      upstream.absences.forget(ctx, name, links, digest);
    }),
  );
}

/** Whether the caller accepted the stored manifest's media type. If not, the 404 may have been about the type. */
async function hadAcceptedType(
  ctx: RequestContext,
  { shared }: Upstream,
  name: RepositoryName,
  { digest, accept }: Absence,
): Promise<boolean> {
  const lookup = await lookUp(ctx, { stat: () => shared.repositoryScoped(name, 'manifests').stat(ctx, digest) });
  if (isStoreFault(lookup)) throw new CacheFault('cannot read the media type of an absent manifest');
  // A record that cannot be parsed has no media type; it is evicted, too.
  return lookup.outcome === 'fault' || (lookup.outcome === 'hit' && accepts(accept, lookup.entry.descriptor.mediaType));
}
