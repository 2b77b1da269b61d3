import type { Digest } from '../oci/digest.ts';
import { isOriginFailure } from '../oci/errors.ts';
import { ALL_MANIFESTS } from '../oci/mediaTypes.ts';
import type { Reference } from '../oci/reference.ts';
import { hasReadContent, recordAccess } from './recordAccess.ts';
import type { Repository } from './repository.ts';

/** At most three blobs are probed. */
const MAX_BLOBS_PROBED = 3;

/** What a caller's access may be probed with. */
export interface Evidence {
  /** Blobs that are probably in the repository. */
  readonly blobs: readonly Digest[];
  /** A manifest that may be in the repository; it is probed after the blobs. */
  readonly reference: Reference;
  /** Whether the origin has already searched the repository on behalf of this caller and reported what is missing. */
  readonly hasSearched: boolean;
}

/**
 * Returns whether the caller may read content in this repository. If no grant says so (it has expired, or another
 * isolate has it), the origin is asked with this caller's own credential: a HEAD for each piece of evidence, until the
 * origin grants or refuses one, fails, or `ORIGIN_TIMEOUT` is over for all of them together. The list of tags would be
 * no proof: registries grant it separately. If the origin has none of the evidence, its own search counts as proof.
 */
export async function probeReadAccess(repository: Repository, evidence: Evidence): Promise<boolean> {
  const { ctx, upstream } = repository;
  if (await hasReadContent(repository)) return true;
  // What the origin grants to another identity cannot be remembered for anybody.
  if (ctx.caller === undefined) return false;

  // The probes share one time limit, because the client waits for the origin's answer to its manifest.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), upstream.origin.timeoutMs);
  try {
    return await probe(repository, evidence, limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function probe(
  repository: Repository,
  { blobs, reference, hasSearched }: Evidence,
  signal: AbortSignal,
): Promise<boolean> {
  const { ctx, upstream, name } = repository;
  const blobTargets = blobs.slice(0, MAX_BLOBS_PROBED).map((digest) => ['blobs', digest] as const);
  let isAllMissing = true;
  for (const [links, target] of [...blobTargets, ['manifests', reference.text] as const]) {
    const question = { method: 'HEAD', as: 'question', accept: ALL_MANIFESTS, signal } as const;
    const answer = await upstream.origin.send(ctx, `/v2/${name}/${links}/${target}`, question).catch(() => undefined);
    const response = answer?.response;
    // An origin that fails to answer one probe is not asked the next.
    if (!response || isOriginFailure(response.status)) return false;
    if (recordAccess(repository, `HEAD ${links}`, response)) return true;
    if (response.status === 401 || response.status === 403) return false;
    isAllMissing &&= response.status === 404;
  }
  return isAllMissing && hasSearched;
}
