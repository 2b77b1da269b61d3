import { type Digest, isDigest } from '../../oci/digest.ts';
import type { LinkSet } from '../../oci/links.ts';
import { ALL_MANIFESTS } from '../../oci/mediaTypes.ts';
import type { RepositoryName } from '../../oci/name.ts';
import type { Target } from '../../oci/route.ts';
import { canonicalOf } from '../../origin/confirmation.ts';
import { recordAccess } from '../../upstream/recordAccess.ts';
import type { Repository } from '../../upstream/repository.ts';

export interface DeleteRoute extends Target {
  readonly name: RepositoryName;
  readonly links: LinkSet;
  /** What the client deletes: a blob or manifest by its digest, or a tag. */
  readonly content:
    | { readonly kind: 'digest'; readonly text: Digest }
    | { readonly kind: 'tag'; readonly text: string };
}

/** What a delete may take away, as the probe before it found. */
export interface ProbeResult {
  /** Grows by the manifests to which its tags turn out to have pointed. */
  readonly digests: Set<Digest>;
  readonly tags: readonly string[];
  /** Whether the origin answered that it does not have the content. */
  readonly isAbsent: boolean;
  /** Whether the origin let the caller read the content just now. */
  readonly isProven: boolean;
}

/**
 * Asks the origin for the content that is to be deleted: by a HEAD, and by a GET where the HEAD decides nothing (a
 * redirect, or an origin that does not support HEAD).
 * @throws RegistryError ORIGIN_UNREACHABLE
 */
export async function probe(repository: Repository, route: DeleteRoute): Promise<ProbeResult> {
  const { search, links, content } = route;
  // With an unknown query the answer may be about something else.
  const isOwn = repository.upstream.ownQueries.has(search);
  let response = await ask(repository, route, 'HEAD');
  let isProven = isOwn && recordAccess(repository, `HEAD ${links}`, response);
  if (isOwn && !isProven && isInconclusive(response)) {
    response = await ask(repository, route, 'GET');
    isProven = recordAccess(repository, `GET ${links}`, response);
  }
  const { headers, status } = response;
  const common = { isProven, isAbsent: isOwn && status === 404 };
  if (content.kind === 'digest') {
    return { ...common, digests: new Set([content.text, canonicalOf(headers, content.text)]), tags: [] };
  }
  const pointee = headers.get('docker-content-digest') ?? '';
  return { ...common, digests: new Set(isDigest(pointee) ? [pointee] : []), tags: [content.text] };
}

/** @returns the response, its body cancelled */
async function ask(
  { ctx, upstream }: Repository,
  { path, search }: DeleteRoute,
  method: 'HEAD' | 'GET',
): Promise<Response> {
  // A client that deletes sends no Accept, and without the right one registries answer 404, or with another manifest of
  // an index.
  const question = { method, as: 'question', accept: ALL_MANIFESTS } as const;
  const { response } = await upstream.origin.send(ctx, path + search, question);
  await response.body?.cancel();
  return response;
}

function isInconclusive({ status }: Response): boolean {
  return (status >= 300 && status < 400) || status === 405 || status === 501;
}
