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
  const absent = links ? absences.list(ctx, name, links) : [];
  const recordProof = () => authorizer.recordProof(ctx, name, kind);
  if (links && absent.length > 0) repository.proveAfter(evictAbsences(repository, links, absent).then(recordProof));
  else recordProof();
  return ctx.caller !== undefined;
}

function linksOf(kind: AnswerKind): LinkSet | undefined {
  return LINK_SETS.find((links) => kind.endsWith(links));
}

/** Whether the caller has proved that it may read any content in the repository: blobs or manifests. */
export function hasReadContent(repository: Repository): Promise<boolean> {
  return repository.hasGrant('HEAD blobs', 'HEAD manifests');
}
