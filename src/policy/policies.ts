import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Patterns } from '../oci/patterns.ts';
import type { Route } from '../oci/route.ts';
import type { PolicyName } from '../telemetry/events.ts';
import type { PolicySettings } from './settings.ts';

/** What the operator lets through. Each decision is an event, which the log line tells. */
export interface Policies {
  /**
   * Checks what a request is about, before anything is asked.
   * @param isFiltered whether the answer will tell of no other repositories than those that are served
   * @throws RegistryError DENIED: the repository is not served, or the answer would tell of those that are not
   */
  check(ctx: RequestContext, route: Route, isFiltered: boolean): void;
  /**
   * Refuses a request.
   * @throws RegistryError DENIED, with the policy's name, unless policies are only reported
   */
  deny(ctx: RequestContext, policy: PolicyName, message: string): void;
  /** Whether a repository is served. */
  serves(name: string): boolean;
  /** From where blobs may be mounted; `undefined`: from everywhere. */
  readonly sources: Patterns | undefined;
  /** Whether a tag is declared never to move. */
  isImmutable(name: RepositoryName, tag: string): boolean;
  /** Whether a tag answers at any age: it never moves, and that is enforced. */
  isPinned(name: RepositoryName, tag: string): boolean;
  /** Returns how long a tag may answer (ms); `undefined`: as long as any tag. */
  tagMs(name: RepositoryName, tag: string): number | undefined;
}

export function createPolicies(settings: PolicySettings): Policies {
  const { mode, allowed, isLent, denied, immutableTags, tagTtls } = settings;
  const isEnforced = (policy: PolicyName) => mode === 'enforce' || (policy === 'ALLOW_REPOSITORIES' && isLent);

  function deny(ctx: RequestContext, policy: PolicyName, message: string): void {
    const outcome = isEnforced(policy) ? 'denied' : 'reported';
    ctx.emit({ kind: 'policy', policy, outcome });
    if (outcome === 'denied') throw new RegistryError('DENIED', { message, detail: { policy } });
  }

  /** Returns the policy that does not let a repository through: one that is only reported hides none that is enforced. */
  function against(name: string): PolicyName | undefined {
    const policies = [
      ...(denied.matches(name) ? (['DENY_REPOSITORIES'] as const) : []),
      ...(allowed && !allowed.matches(name) ? (['ALLOW_REPOSITORIES'] as const) : []),
    ];
    return policies.find(isEnforced) ?? policies[0];
  }

  const isImmutable = (name: RepositoryName, tag: string) => immutableTags.matches(`${name}:${tag}`);
  const serves = (name: string) => {
    const policy = against(name);
    return policy === undefined || !isEnforced(policy);
  };
  const hasSources = (allowed && isEnforced('ALLOW_REPOSITORIES')) || (!denied.isEmpty && mode === 'enforce');

  return {
    check(ctx, route, isFiltered) {
      const ofAll = !denied.isEmpty ? 'DENY_REPOSITORIES' : allowed ? 'ALLOW_REPOSITORIES' : undefined;
      const tellsOfAll = route.kind === 'catalog' && !isFiltered ? ofAll : undefined;
      const policy = 'name' in route ? against(route.name) : tellsOfAll;
      if (policy) deny(ctx, policy, 'this edge does not serve the repository');
    },
    deny,
    serves,
    sources: hasSources ? { matches: serves, isEmpty: false, isUnbounded: false } : undefined,
    isImmutable,
    isPinned: (name, tag) => mode === 'enforce' && isImmutable(name, tag),
    tagMs: (name, tag) => tagTtls.find(({ tags }) => tags.matches(`${name}:${tag}`))?.ms,
  };
}

/** Stores keep a tag that never moves for this time after the origin confirmed it. */
const PINNED_MS = 7 * 86_400_000;

/**
 * Returns the longest window of a tag (ms).
 * @param tagMs that of tags for which nothing else is declared; `undefined`: only tags that never move have one, since
 *   everybody may push
 */
export function longestTagMs({ mode, immutableTags, tagTtls }: PolicySettings, tagMs: number | undefined): number {
  const pinnedMs = mode === 'enforce' && !immutableTags.isEmpty ? PINNED_MS : 0;
  return Math.max(pinnedMs, ...(tagMs === undefined ? [] : [tagMs, ...tagTtls.map(({ ms }) => ms)]));
}
