import type { Access } from '../auth/authorizer.ts';
import type { RequestContext } from '../context.ts';
import type { RepositoryName } from '../oci/name.ts';
import { isFirstHand } from '../origin/confirmation.ts';
import type { Upstream } from '../upstream.ts';

/** Decides, before anything is read from the cache, what is known of the caller's right to pull here. */
export function authorize(
  ctx: RequestContext,
  { authorizer }: Upstream,
  name: RepositoryName,
): Access | Promise<Access> {
  const access = authorizer.authorize(ctx, name);
  return access instanceof Promise ? access.then((decided) => tell(ctx, decided)) : tell(ctx, access);
}

function tell(ctx: RequestContext, access: Access): Access {
  ctx.emit({ kind: 'access', outcome: access.kind });
  return access;
}

/**
 * Remembers how the origin itself judged the caller.
 * @param response the origin's own answer to a GET or HEAD of the caller's in this repository
 */
export function learnAccess(
  ctx: RequestContext,
  { authorizer }: Upstream,
  name: RepositoryName,
  response: Response,
): void {
  const { status } = response;
  if (status === 401 || status === 403) authorizer.refuted(ctx, name);
  else if ((status === 200 || status === 206 || status === 304) && isFirstHand(response)) authorizer.proved(ctx, name);
}

/**
 * Whether what the origin answers may be stored: to a caller with another identity beside the `Authorization` it may be
 * about something else. An open mirror passes on no identity at all.
 */
export function mayTeach(ctx: RequestContext, { readOnly }: Upstream): boolean {
  return readOnly || ctx.caller !== undefined;
}

/** Methods that change nothing at a registry. */
export function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
