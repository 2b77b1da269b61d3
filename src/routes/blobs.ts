import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';
import { contentAnswer } from './answer.ts';
import { itemIn, readerFor, windowOf } from './linked.ts';
import { readContent } from './readContent.ts';

export interface BlobRoute {
  readonly name: RepositoryName;
  readonly digest: Digest;
}

/** `HEAD /v2/<name>/blobs/<digest>` */
export function headBlob(
  ctx: RequestContext,
  upstream: Upstream,
  { name, digest }: BlobRoute,
): Response | Promise<Response> {
  return readContent(ctx, upstream, name, ({ mayPush }) => ({
    name,
    words: `HEAD blobs ${digest}`,
    windowMs: windowOf(upstream, mayPush),
    // A push that is told of a blob that is gone leaves a broken image: no blob outlives its window.
    staleMs: 0,
    peek: () => readerFor(upstream, mayPush).peek?.(ctx, name, 'blobs', digest),
    item: () => itemIn(upstream, { name, links: 'blobs', digest }, mayPush),
    askOrigin: (_known, cancelled) => upstream.origin.statBlob(ctx, name, digest, cancelled),
    answer: ({ descriptor }) => contentAnswer(ctx, descriptor, 'blobs'),
  }));
}
