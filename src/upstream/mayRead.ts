import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import { isOriginFailure } from '../oci/errors.ts';
import { ALL_MANIFESTS } from '../oci/mediaTypes.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Reference } from '../oci/reference.ts';
import { hasReadContent, recordAccess } from './proof.ts';
import type { Upstream } from './upstream.ts';

/** At most three blobs are probed. */
const MAX_PROBES = 3;

export interface Evidence {
  /** Blobs of the repository, that are probably there. */
  readonly blobs: readonly Digest[];
  /** A manifest that was there before, perhaps; it is asked for after the blobs. */
  readonly reference: Reference;
  /** Whether the origin has looked here for content on behalf of this caller, and said what it lacks. */
  readonly isLookedFor: boolean;
}

/**
 * Whether the caller may read content in this repository. Where nobody knows (the grant has ended, another isolate has it),
 * the origin is asked by this caller's own credential, until it grants or refuses something, fails, or `ORIGIN_TIMEOUT`
 * is over for all of the questions. The list of tags is no proof:
 * registries grant it apart. Where all that is asked for is lost, what the origin said of its own accord stands.
 */
export async function mayRead(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  evidence: Evidence,
): Promise<boolean> {
  if (await hasReadContent(ctx, upstream, name)) return true;
  // What the origin grants to another identity is remembered for nobody.
  if (ctx.caller === undefined) return false;

  // One limit for all of them: the client waits for what the origin said of its manifest.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), upstream.origin.timeoutMs);
  try {
    return await isProved(ctx, upstream, name, evidence, limit.signal);
  } finally {
    clearTimeout(timer);
  }
}

async function isProved(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  { blobs, reference, isLookedFor }: Evidence,
  signal: AbortSignal,
): Promise<boolean> {
  const heads = blobs.slice(0, MAX_PROBES).map((digest) => ['blobs', digest] as const);
  let isAllLost = true;
  for (const [links, target] of [...heads, ['manifests', reference.text] as const]) {
    const question = { method: 'HEAD', as: 'question', accept: ALL_MANIFESTS, signal } as const;
    const asked = upstream.origin.send(ctx, `/v2/${name}/${links}/${target}`, question);
    const response = (await asked.catch(() => undefined))?.response;
    // An origin that cannot answer one of them is not asked the next.
    if (!response || isOriginFailure(response.status)) return false;
    if (recordAccess(ctx, upstream, name, `HEAD ${links}`, response)) return true;
    if (response.status === 401 || response.status === 403) return false;
    isAllLost &&= response.status === 404;
  }
  return isAllLost && isLookedFor;
}
