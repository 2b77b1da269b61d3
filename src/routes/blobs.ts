import type { RequestContext } from '../context.ts';
import type { Digest } from '../oci/digest.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Upstream } from '../upstream.ts';
import { headContent } from './headContent.ts';

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
  return headContent(ctx, upstream, {
    name,
    links: 'blobs',
    digest,
    askOrigin: (cancelled) => upstream.origin.statBlob(ctx, name, digest, cancelled),
  });
}
