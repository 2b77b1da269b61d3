import type { Absence } from '../absences.ts';
import { tellClear } from '../cache/clear.ts';
import { isStoreFault, look } from '../cache/lookup.ts';
import { CacheFault, type LinkSet } from '../cache/provider.ts';
import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { takes } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';

interface Where {
  readonly name: RepositoryName;
  readonly links: LinkSet;
}

/**
 * Evicts, after the reply, what the origin told a caller to be absent, if the caller has proved that it may know of such
 * content here; else it is noted until the caller does. A stranger evicts nothing.
 */
export async function learnAbsence(
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
 * Evicts what the origin did not have for a caller who may know.
 * @throws CacheFault the store failed; it is noted again, for the caller's next proof
 */
export async function evictAbsent(
  ctx: RequestContext,
  upstream: Upstream,
  where: Where,
  absent: readonly Absence[],
): Promise<void> {
  const { name, links } = where;
  try {
    await tellClear(ctx, 'clear', async () => {
      const gone = new Set<Digest>();
      for (const absence of absent) {
        if (links === 'blobs' || (await isOfTakenType(ctx, upstream, name, absence))) gone.add(absence.digest);
      }
      // In one step: that of several what was confirmed between two of them goes too costs a question.
      const sentAtMs = Math.max(...absent.map(({ sentAt }) => sentAt));
      await upstream.descriptors.repositoryScoped(name, links).evict(ctx, gone, sentAtMs);
    });
  } catch (fault) {
    for (const absence of absent) upstream.absences.note(ctx, name, links, absence);
    throw fault;
  }
}

/** Whether the manifest that is kept is one of those that the caller asked for: else the 404 was about its type. */
async function isOfTakenType(
  ctx: RequestContext,
  { shared }: Upstream,
  name: RepositoryName,
  { digest, accept }: Absence,
): Promise<boolean> {
  const found = await look(ctx, { stat: () => shared.repositoryScoped(name, 'manifests').stat(ctx, digest) });
  if (isStoreFault(found)) throw new CacheFault('nobody knows of which type the manifest is');
  // Rubbish has no type, and goes.
  return found.outcome === 'fault' || (found.outcome === 'hit' && takes(accept, found.entry.descriptor.mediaType));
}
