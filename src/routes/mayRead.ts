import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';
import { learnAccess } from './access.ts';

/** So many blobs are asked for, at most. */
const MAX_PROBES = 3;

/**
 * Whether the caller may read in this repository. Where nobody knows (the grant has ended, another isolate has it), the
 * origin is asked by this caller's own credential, until it grants or refuses something.
 * @param blobs of the repository, that are probably there; after these the list of tags is asked for
 */
export async function mayRead(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  blobs: readonly Digest[],
): Promise<boolean> {
  const { origin, authorizer } = upstream;
  const isGranted = async () => (await authorizer.authorize(ctx, name)).kind === 'granted';
  if (await isGranted()) return true;
  // What the origin grants to another identity is remembered for nobody.
  if (ctx.caller === undefined) return false;

  const heads = blobs.slice(0, MAX_PROBES).map((digest) => ({ method: 'HEAD', target: `blobs/${digest}` }));
  for (const { method, target } of [...heads, { method: 'GET', target: 'tags/list' }]) {
    const asked = origin.send(ctx, `/v2/${name}/${target}`, { method, as: 'question' });
    const response = (await asked.catch(() => undefined))?.response;
    if (!response) return false;
    await response.body?.cancel();
    learnAccess(ctx, upstream, name, response);
    if (await isGranted()) return true;
    if (response.status === 401 || response.status === 403) return false;
  }
  return false;
}
