import type { Absence } from '../access/absences.ts';
import { eachInTurn } from '../async.ts';
import { observeClear } from '../cache/clear.ts';
import { isStoreFault, lookUp } from '../cache/lookup.ts';
import type { LinkSet } from '../oci/links.ts';
import { accepts } from '../oci/mediaTypes.ts';
import { CacheFault } from '../stores/faults.ts';
import type { Repository } from './repository.ts';

/**
 * Records that the origin answered a caller's question with 404. If the caller has proved that it may know of content
 * of this kind in this repository, the digest is evicted after the reply. Otherwise the absence is noted until the
 * caller proves that: a stranger's 404 evicts nothing.
 */
export async function recordAbsence(
  repository: Repository,
  links: LinkSet,
  { digest, sentAt }: Pick<Absence, 'digest' | 'sentAt'>,
): Promise<void> {
  const { ctx, upstream, name } = repository;
  const absence = { digest, sentAt, accept: ctx.request.headers.get('accept') };
  if (await repository.hasGrant(`HEAD ${links}`)) ctx.waitUntil(evictAbsences(repository, links, [absence]));
  else upstream.absences.add(ctx, name, links, absence);
}

/**
 * Evicts each absent digest, as of the time at which its question was sent, and removes its note.
 * @throws CacheFault the store failed; the absences that could not be evicted stay noted for the caller's next proof
 */
export async function evictAbsences(
  repository: Repository,
  links: LinkSet,
  absences: readonly Absence[],
): Promise<void> {
  const { ctx, upstream, name } = repository;
  await observeClear(ctx, 'evict', () =>
    eachInTurn(absences, async (absence) => {
      const { digest, sentAt } = absence;
      if (links === 'blobs' || (await hadAcceptedType(repository, absence))) {
        await repository.descriptors(links).evict(ctx, [digest], sentAt);
      }
      upstream.absences.forget(ctx, name, links, digest);
    }),
  );
}

/** Whether the caller accepted the stored manifest's media type. If not, the 404 may have been about the type. */
async function hadAcceptedType({ ctx, upstream, name }: Repository, { digest, accept }: Absence): Promise<boolean> {
  const manifests = upstream.shared.repositoryScoped(name, 'manifests');
  const lookup = await lookUp(ctx, { stat: () => manifests.stat(ctx, digest) });
  if (isStoreFault(lookup)) throw new CacheFault('cannot read the media type of an absent manifest');
  // A record that cannot be parsed has no media type; it is evicted, too.
  return lookup.outcome === 'fault' || (lookup.outcome === 'hit' && accepts(accept, lookup.entry.descriptor.mediaType));
}
