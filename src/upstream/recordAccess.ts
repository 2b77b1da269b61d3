import type { AnswerKind } from '../access/authorizer.ts';
import { LINK_SETS, type LinkSet } from '../oci/links.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import { evictAbsences } from './evictAbsences.ts';
import type { Repository } from './repository.ts';

/**
 * Records whether the origin granted or refused its answer to the caller. If absences are noted for this caller, they
 * are evicted before the proof counts.
 * @param kind the kind of the question that the origin answered, which is not always the client's own
 * @param response the origin's own answer to a GET or HEAD with the caller's credential in this repository
 * @param isFromStorage whether the origin redirected this very question to its own storage, which had the content
 * @returns whether the answer proves that the caller may have answers of this kind
 */
export function recordAccess(
  repository: Repository,
  kind: AnswerKind,
  response: Response,
  isFromStorage = false,
): boolean {
  const { ctx, name } = repository;
  const { authorizer, absences } = repository.upstream;
  const { status } = response;
  if (status === 401 || status === 403) authorizer.recordRefusal(ctx, name);
  const isProof = isFromStorage || ((status === 200 || status === 206 || status === 304) && isFirstHand(response));
  if (!isProof) return false;
  const links = linksOf(kind);
  if (links && absences.list(ctx, name, links).length > 0) {
    repository.proveAfter(proveOnceEvicted(repository, kind, links));
  } else authorizer.recordProof(ctx, name, kind);
  return ctx.caller !== undefined;
}

/** Records the proof as soon as no absence is noted any more: others may be noted while some are evicted. */
async function proveOnceEvicted(repository: Repository, kind: AnswerKind, links: LinkSet): Promise<void> {
  const { ctx, name, upstream } = repository;
  const list = () => upstream.absences.list(ctx, name, links);
  for (let absent = list(); absent.length > 0; absent = list()) await evictAbsences(repository, links, absent);
  upstream.authorizer.recordProof(ctx, name, kind);
}

function linksOf(kind: AnswerKind): LinkSet | undefined {
  return LINK_SETS.find((links) => kind.endsWith(links));
}

/** Whether the caller has proved that it may read any content in the repository: blobs or manifests. */
export function hasReadContent(repository: Repository): Promise<boolean> {
  return repository.hasGrant('HEAD blobs', 'HEAD manifests');
}
