import type { RequestContext } from '../../context.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Target } from '../../oci/route.ts';
import type { ContentStat } from '../../origin/origin.ts';
import { readContent } from '../../upstream/read.ts';
import { readerFor, repositoryItem, unseenItems, windowOf } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { contentAnswer, notModified, outcomeAnswer } from './answer.ts';

export interface BlobRoute extends Target {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/** Answers `HEAD /v2/<name>/blobs/<digest>`. */
export function headBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Response | Promise<Response> {
  return answerExistence(ctx, upstream, route, (cancelled) => upstream.origin.statBlob(ctx, route, cancelled));
}

/**
 * Answers whether a blob exists, for a HEAD, or for a GET whose If-None-Match names the digest.
 * @param askOrigin asks the origin, until it is cancelled
 */
export function answerExistence(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest, search }: BlobRoute,
  askOrigin: (cancelled?: AbortSignal) => Promise<ContentStat>,
): Response | Promise<Response> {
  const kind = ctx.method === 'HEAD' ? 'HEAD blobs' : 'GET blobs';
  const outcome = readContent(ctx, upstream, { name, kind }, ({ mayPush }) => ({
    name,
    links: 'blobs',
    digest,
    key: () => `${ctx.method} blobs ${digest}${search}`,
    windowMs: windowOf(upstream, mayPush),
    // A push that relies on a lost blob leaves a broken image, so no blob is served past its window.
    staleMs: 0,
    peek: () => readerFor(upstream, mayPush).peek?.(ctx, name, 'blobs', digest),
    item: () => repositoryItem(upstream, { name, links: 'blobs', digest }, mayPush),
    ask: (_known, cancelled) => askOrigin(cancelled),
    unseen: (shared, hasLooked) =>
      unseenItems(upstream, { name, links: 'blobs', digest }, shared, { hasLooked, mayPush }),
  }));
  return outcomeAnswer(ctx, upstream, outcome, ({ descriptor }, callerHeaders) => {
    const { hasRanges } = upstream.origin.traits;
    if (ctx.method === 'GET') return notModified(ctx, descriptor.digest, hasRanges, callerHeaders);
    return contentAnswer(ctx, descriptor, hasRanges, { callerHeaders });
  });
}
