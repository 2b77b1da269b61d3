import type { RequestContext } from '../context.ts';
import type { RepositoryName } from '../oci/name.ts';

/**
 * A kind of answer. Registries grant them apart (AWS documents a push-only policy, ACR separates metadata and content), so
 * a proof of one says nothing of the others, except that who may have content may know of it.
 */
export type AnswerKind = `${'HEAD' | 'GET'} ${'blobs' | 'manifests'}` | 'GET lists';

/**
 * What is known of a caller's right to one kind of answer from a repository, decided before the cache is read.
 * `unproven`: only the origin can tell, nothing may come from the cache.
 */
export type Access =
  | { readonly kind: 'granted'; readonly mayPush: boolean }
  | { readonly kind: 'unproven' }
  | { readonly kind: 'refused'; readonly answer: Response };

/** Tells who may. One implementation per way to prove access (`CLIENT_AUTH`). */
export interface Authorizer {
  /** A promise only where it has to be waited for. */
  authorize(ctx: RequestContext, repository: RepositoryName, kind: AnswerKind): Access | Promise<Access>;
  /** The origin itself gave this caller an answer of this kind here: 200, 206 or 304. */
  proved(ctx: RequestContext, repository: RepositoryName, kind: AnswerKind): void;
  /** The origin refused this caller here: 401 or 403. What was asked before that proves nothing any more. */
  refuted(ctx: RequestContext, repository: RepositoryName): void;
}
