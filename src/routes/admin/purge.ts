import { purge } from '../../cache/purge.ts';
import type { RequestContext } from '../../context.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { LINK_SETS } from '../../oci/links.ts';
import { parseRepositoryName, type RepositoryName } from '../../oci/name.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { answerJson, guard, orUnavailable } from './guard.ts';

const PREFIX = '/_edge/cache/';

/**
 * `DELETE /_edge/cache/<name>` and `/_edge/cache/<name>@<digest>`, for operators: this isolate and the store forget what
 * they know of a repository, or of one digest in it. Guarded by `ADMIN_TOKEN` as a bearer token.
 * @returns JSON: how much was removed; a `cursor` where there is more, to be given as `?cursor=` to the next request
 * @throws RegistryError as `guard`; NAME_INVALID, DIGEST_INVALID; REQUEST_INVALID: another cursor, or another query;
 *   UNAVAILABLE: the store failed, or knows no such cursor
 */
export async function purgeRoute(
  ctx: RequestContext,
  upstream: Upstream,
  adminToken: string | undefined,
): Promise<Response> {
  await guard(ctx, adminToken, ['DELETE']);
  const [, nameText = '', digestText] = /^([^@]*)(?:@(.*))?$/.exec(ctx.target.path.slice(PREFIX.length)) ?? [];
  const name = parseRepositoryName(nameText);
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  const query = new URLSearchParams(ctx.target.search);
  if ([...query.keys()].some((key) => key !== 'cursor' || digest)) {
    throw new RegistryError('REQUEST_INVALID', { message: 'the only query here is ?cursor=, for a whole repository' });
  }
  upstream.flights.close(name);
  if (digest) return purgeOne(ctx, upstream, name, digest);
  upstream.lists.drop(name);
  const purged = await orUnavailable(() => purge(ctx, upstream, name, query.get('cursor') ?? undefined));
  return answerJson(ctx, { repository: name, ...purged });
}

async function purgeOne(ctx: RequestContext, upstream: Upstream, name: RepositoryName, digest: Digest) {
  const work = LINK_SETS.map(async (links) => {
    const scope = upstream.descriptors.repositoryScoped(name, links);
    const removed = await scope.clearPresent(ctx, [digest]);
    // KV may not show here yet what it has elsewhere.
    if (removed.size === 0) await scope.clear(ctx, digest);
    return [links, removed.size] as const;
  });
  const removed = await orUnavailable(() => Promise.all(work));
  return answerJson(ctx, { repository: name, digest, removed: Object.fromEntries(removed) });
}
