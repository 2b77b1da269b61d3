import { purge } from '../../cache/purge.ts';
import type { RequestContext } from '../../context.ts';
import { type Digest, parseDigest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/errors.ts';
import { LINK_SETS } from '../../oci/links.ts';
import { parseRepositoryName } from '../../oci/name.ts';
import { forgetInIsolate } from '../../upstream/forget.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import type { Upstreams } from '../../upstream/upstreams.ts';
import { guard, jsonAnswer, orUnavailable, upstreamOf } from './guard.ts';

const PREFIX = '/_edge/cache/';

/**
 * Answers `DELETE /_edge/cache/<name>` and `/_edge/cache/<name>@<digest>`, for operators with the `ADMIN_TOKEN`: purges
 * a repository of an upstream, or one digest in it, from this isolate and from the store.
 * @returns JSON: how many entries were removed, `bytes` where those of blobs are kept, and a `cursor` if there are more, to be sent as `?cursor=` with the
 *   next request
 * @throws RegistryError as `guard`; NAME_INVALID, DIGEST_INVALID; REQUEST_INVALID: an invalid cursor, or another query;
 *   UNAVAILABLE: the store failed, or does not know the cursor
 */
export async function purgeRoute(
  ctx: RequestContext,
  upstreams: Upstreams,
  adminToken: string | undefined,
): Promise<Response> {
  await guard(ctx, adminToken, ['DELETE']);
  const [upstream, query] = upstreamOf(ctx, upstreams);
  const [, nameText = '', digestText] = /^([^@]*)(?:@(.*))?$/.exec(ctx.target.path.slice(PREFIX.length)) ?? [];
  const given = parseRepositoryName(nameText);
  const name = upstream.names?.fullName(given) ?? given;
  const digest = digestText === undefined ? undefined : parseDigest(digestText);
  if ([...query.keys()].some((key) => key !== 'cursor' || digest)) {
    throw new RegistryError('REQUEST_INVALID', {
      message: 'invalid query: send none, or ?cursor= to go on with the purge of a repository',
    });
  }
  forgetInIsolate(upstream, name);
  upstream.recentUploads.drop(name);
  if (digest) return purgeOne(new Repository(ctx, upstream, name), digest);
  const purged = await orUnavailable(() => purge(ctx, upstream, name, query.get('cursor') ?? undefined));
  return jsonAnswer(ctx, { repository: name, ...purged, ...keptBytes(upstream) });
}

async function purgeOne(repository: Repository, digest: Digest): Promise<Response> {
  const { ctx, name, upstream } = repository;
  const work = LINK_SETS.map(async (links) => {
    const scope = repository.descriptors(links);
    const removed = await scope.clearPresent(ctx, [digest]);
    // KV may not show yet what was written elsewhere, so a tombstone is written all the same.
    if (removed.size === 0) await scope.clear(ctx, digest);
    return [links, removed.size] as const;
  });
  const removed = await orUnavailable(() => Promise.all(work));
  return jsonAnswer(ctx, { repository: name, digest, removed: Object.fromEntries(removed), ...keptBytes(upstream) });
}

/** Bytes of blobs belong to all repositories: only `DELETE /_edge/blobs/<digest>` removes them. */
function keptBytes({ bytes }: Upstream): { bytes?: 'kept' } {
  return bytes ? { bytes: 'kept' } : {};
}
