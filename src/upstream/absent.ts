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

interface Where {
  readonly name: RepositoryName;
  readonly links: LinkSet;
}

/**
 * Evicts, after the reply, what the origin told a caller to be absent, if the caller has proved that it may know of such
 * content here; else it is noted until the caller does. A stranger evicts nothing.
 */
export async function recordAbsence(
  ctx: RequestContext,
  upstream: Upstream,
  where: Where,
  { digest, sentAt }: Pick<Absence, 'digest' | 'sentAt'>,
): Promise<void> {
  const { authorizer, absences } = upstream;
  const absence = { digest, sentAt, accept: ctx.request.headers.get('accept') };
  const { kind } = await authorizer.authorize(ctx, where.name, `HEAD ${where.links}`);
  if (kind === 'granted') ctx.waitUntil(evictAbsent(ctx, upstream, where, [absence]));
  else absences.note(ctx, where.name, where.links, absence);
}

/**
 * Evicts what the origin did not have for a caller who may know; each of it as of when the caller was told.
 * @throws CacheFault the store failed; what it failed for stays noted, for the caller's next proof
 */
export async function evictAbsent(
  ctx: RequestContext,
  upstream: Upstream,
  { name, links }: Where,
  absent: readonly Absence[],
): Promise<void> {
  const scope = upstream.descriptors.repositoryScoped(name, links);
  await observeClear(ctx, 'clear', () =>
    inTurn(absent, async (absence) => {
      const { digest, sentAt } = absence;
      if (links === 'blobs' || (await isOfAcceptedType(ctx, upstream, name, absence))) {
        await scope.evict(ctx, [digest], sentAt);
      }
      upstream.absences.forget(ctx, name, links, digest);
    }),
  );
}

/** Whether the manifest that is kept is one of those that the caller asked for: else the 404 was about its type. */
async function isOfAcceptedType(
  ctx: RequestContext,
  { shared }: Upstream,
  name: RepositoryName,
  { digest, accept }: Absence,
): Promise<boolean> {
  const found = await lookUp(ctx, { stat: () => shared.repositoryScoped(name, 'manifests').stat(ctx, digest) });
  if (isStoreFault(found)) throw new CacheFault('nobody knows of which type the manifest is');
  // Rubbish has no type, and goes.
  return found.outcome === 'fault' || (found.outcome === 'hit' && accepts(accept, found.entry.descriptor.mediaType));
}
