import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';

/**
 * A kind of answer. Registries grant these separately (AWS documents a push-only policy, ACR separates metadata from
 * content), so a proof of one kind proves no other. The one exception: whoever may read content may also know that it
 * exists.
 */
export type AnswerKind = `${'HEAD' | 'GET'} ${'blobs' | 'manifests'}` | 'GET lists';

/**
 * A caller's right to one kind of answer from a repository, decided before the cache is read.
 * `unproven`: only the origin can decide, so nothing may come from the cache.
 */
export type Access =
  | { readonly kind: 'granted'; readonly mayPush: boolean }
  | { readonly kind: 'unproven' }
  | { readonly kind: 'refused'; readonly error: RegistryError };

/** Decides who may have which answers. There is one implementation for each value of `CLIENT_AUTH`. */
export interface Authorizer {
  /** Returns a promise only where the decision has to be waited for. */
  authorize(ctx: RequestContext, repository: RepositoryName, kind: AnswerKind): Access | Promise<Access>;
  /**
   * Whether the caller is declared to only pull, whatever is proved of its access. A further identity, or a refusal by
   * the origin, makes nobody a caller that may push.
   */
  onlyPulls(ctx: RequestContext, repository: RepositoryName): boolean | Promise<boolean>;
  /** Records that the origin itself gave this caller an answer of this kind in this repository: 200, 206 or 304. */
  recordProof(ctx: RequestContext, repository: RepositoryName, kind: AnswerKind): void;
  /**
   * Records that the origin refused this caller in this repository: 401 or 403. Requests that arrived before the
   * refusal prove nothing any more.
   */
  recordRefusal(ctx: RequestContext, repository: RepositoryName): void;
  /**
   * Whether this caller has no credential, and the origin refused such a caller here within the last minute: it would
   * be refused again, whatever it asks.
   */
  needsLogin(ctx: RequestContext, repository: RepositoryName): boolean;
  /** Returns the subject of a token that was verified. */
  subjectOf?(ctx: RequestContext): string | undefined;
}

/** Returns the error for a user without the right. @param what such as `push to the repository` */
export function mayNot(what: string): RegistryError {
  return new RegistryError('DENIED', { message: `this user may not ${what}`, detail: { policy: 'USERS' } });
}
