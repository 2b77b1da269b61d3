import type { RequestContext } from '../context.ts';
import type { RepositoryName } from '../oci/name.ts';

/**
 * What is known of a caller's right to pull from a repository, decided before the cache is read.
 * `unproven`: only the origin can tell, nothing may come from the cache.
 */
export type Access =
  | { readonly kind: 'granted'; readonly mayPush: boolean }
  | { readonly kind: 'unproven' }
  | { readonly kind: 'refused'; readonly answer: Response };

/** Tells who may. One implementation per way to prove access (`CLIENT_AUTH`). */
export interface Authorizer {
  /** A promise only where it has to be waited for. */
  authorize(ctx: RequestContext, repository: RepositoryName): Access | Promise<Access>;
  /** The origin itself answered this caller's GET or HEAD here with 200, 206 or 304. */
  proved(ctx: RequestContext, repository: RepositoryName): void;
  /** The origin refused this caller here: 401 or 403. */
  refuted(ctx: RequestContext, repository: RepositoryName): void;
}
