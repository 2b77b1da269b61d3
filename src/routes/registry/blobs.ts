import type { RequestContext } from '../../context.ts';
import type { Entry } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Target } from '../../oci/route.ts';
import { inArchive } from '../../upstream/archive.ts';
import { BLOB_EXISTENCE } from '../../upstream/existence.ts';
import type { ContentKind } from '../../upstream/question.ts';
import { readContent } from '../../upstream/read.ts';
import { Repository } from '../../upstream/repository.ts';
import type { Upstream } from '../../upstream/upstream.ts';
import { contentAnswer, notModified, outcomeAnswer } from './answer.ts';

export interface BlobRoute extends Target {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/** Answers `HEAD /v2/<name>/blobs/<digest>`. */
export function headBlob(ctx: RequestContext, upstream: Upstream, route: BlobRoute): Response | Promise<Response> {
  return answerExistence(new Repository(ctx, upstream, route.name), route, BLOB_EXISTENCE);
}

/**
 * Answers whether a blob exists, for a HEAD, or for a GET whose If-None-Match names the digest.
 * @param kind how the origin is asked
 */
export function answerExistence(
  repository: Repository,
  route: BlobRoute,
  kind: ContentKind<Entry>,
): Response | Promise<Response> {
  const { ctx, upstream } = repository;
  const reference = { kind: 'digest', text: route.digest } as const;
  const outcome = readContent(repository, { kind: inArchive(upstream, kind), target: route, reference });
  return outcomeAnswer(ctx, upstream, outcome, ({ descriptor }, callerHeaders) => {
    const { hasRanges } = upstream.origin.traits;
    if (ctx.method === 'GET') return notModified(ctx, descriptor.digest, hasRanges, callerHeaders);
    return contentAnswer(ctx, descriptor, hasRanges, { callerHeaders });
  });
}
