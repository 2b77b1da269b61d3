import { timingSafeEqual } from 'hono/utils/buffer';
import { clear } from '../cache/clear.ts';
import type { LinkSet } from '../cache/provider.ts';
import type { RequestContext } from '../context.ts';
import { parseDigest } from '../oci/digest.ts';
import { RegistryError } from '../oci/errors.ts';
import type { Upstream } from '../upstream.ts';

const LINK_SETS: readonly LinkSet[] = ['blobs', 'manifests'];

/**
 * `GET` and `DELETE /_edge/descriptors/<digest>`, for operators: what the store knows of a digest over all repositories,
 * and how to make every repository's entry a miss at once. Guarded by `ADMIN_TOKEN` as a bearer token.
 * @returns JSON, a descriptor or null for each link set; after a DELETE what was known before
 * @throws RegistryError NAME_UNKNOWN where no token is set; UNAUTHORIZED; DIGEST_INVALID; UNSUPPORTED: another method, or
 *   the store keeps no global records; UNAVAILABLE: the store failed
 */
export async function descriptors(
  ctx: RequestContext,
  upstream: Upstream,
  adminToken: string | undefined,
  digestText: string,
): Promise<Response> {
  if (adminToken === undefined) throw new RegistryError('NAME_UNKNOWN');
  await requireBearer(ctx.request, adminToken);
  const digest = parseDigest(digestText);
  const { method } = ctx;
  if (!['GET', 'HEAD', 'DELETE'].includes(method)) throw new RegistryError('UNSUPPORTED');
  const { unscoped } = upstream.descriptors;
  const { unscoped: ofStore } = upstream.shared;
  if (!unscoped || !ofStore) {
    throw new RegistryError('UNSUPPORTED', { message: 'this store keeps no global records; redis and inmemory do' });
  }
  try {
    // From the store, since the memory before it keeps none.
    const known = await Promise.all(LINK_SETS.map((links) => ofStore(links).stat(ctx, digest)));
    if (method === 'DELETE') await Promise.all(LINK_SETS.map((links) => clear(ctx, digest, unscoped(links))));
    const found = LINK_SETS.map((links, at) => [links, known[at]?.descriptor ?? null]);
    const body = JSON.stringify({ digest, ...Object.fromEntries(found) });
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' };
    return new Response(method === 'HEAD' ? null : `${body}\n`, { headers });
  } catch (cause) {
    throw new RegistryError('UNAVAILABLE', { message: 'the store does not answer', cause });
  }
}

/** In constant time: hashes of one length are compared, whatever was sent. */
async function requireBearer({ headers }: Request, token: string): Promise<void> {
  const [, given = ''] = /^Bearer +(.+)$/i.exec(headers.get('authorization') ?? '') ?? [];
  if (!(await timingSafeEqual(given, token))) throw new RegistryError('UNAUTHORIZED');
}
