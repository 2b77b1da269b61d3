import type { Access, AnswerKind } from '../access/authorizer.ts';
import type { RequestContext } from '../context.ts';
import { LINK_SETS, type LinkSet } from '../oci/links.ts';
import type { RepositoryName } from '../oci/name.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import { evictAbsences } from './evictAbsences.ts';
import type { Upstream } from './upstream.ts';

/** Decides the caller's right to this kind of answer in a repository, before anything is read from the cache. */
export function authorize(
  ctx: RequestContext,
  { authorizer }: Upstream,
  name: RepositoryName,
  kind: AnswerKind,
): Access | Promise<Access> {
  const access = authorizer.authorize(ctx, name, kind);
  return access instanceof Promise ? access.then((decided) => observe(ctx, decided)) : observe(ctx, access);
}

function observe(ctx: RequestContext, access: Access): Access {
  ctx.emit({ kind: 'access', outcome: access.kind });
  return access;
}

/**
 * Records whether the origin granted or refused its answer to the caller. If absences are noted for this caller, they
 * are evicted before the proof counts.
 * @param kind the kind of the question that the origin answered, which is not always the client's own
 * @param response the origin's own answer to a GET or HEAD with the caller's credential in this repository
 * @param byStorage whether the origin redirected this very question to its own storage, which had the content
 * @returns whether the answer proves that the caller may have answers of this kind
 */
export function recordAccess(
  ctx: RequestContext,
  upstream: Upstream,
  name: RepositoryName,
  kind: AnswerKind,
  response: Response,
  byStorage = false,
): boolean {
  const { authorizer, absences } = upstream;
  const { status } = response;
  if (status === 401 || status === 403) authorizer.recordRefusal(ctx, name);
  const isProof = byStorage || ((status === 200 || status === 206 || status === 304) && isFirstHand(response));
  if (!isProof) return false;
  const links = linksOf(kind);
  const absent = links ? absences.list(ctx, name, links) : [];
  const recordProof = () => authorizer.recordProof(ctx, name, kind);
  if (links && absent.length > 0)
    ctx.waitUntil(evictAbsences(ctx, upstream, { name, links }, absent).then(recordProof));
  else recordProof();
  return ctx.caller !== undefined;
}

function linksOf(kind: AnswerKind): LinkSet | undefined {
  return LINK_SETS.find((links) => kind.endsWith(links));
}

/** Whether the caller has proved that it may read any content in the repository: blobs or manifests. */
export async function hasReadContent(
  ctx: RequestContext,
  { authorizer }: Upstream,
  name: RepositoryName,
): Promise<boolean> {
  for (const kind of ['HEAD blobs', 'HEAD manifests'] as const) {
    if ((await authorizer.authorize(ctx, name, kind)).kind === 'granted') return true;
  }
  return false;
}
