import type { RequestContext } from '../context.ts';
import { RegistryError } from '../oci/errors.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { Route } from '../oci/route.ts';
import type { PolicyName } from '../telemetry/events.ts';
import type { PolicySettings } from './settings.ts';

/** What the operator lets through. Each decision is an event, which the log line tells. */
export interface Policies {
  /** Whether the repositories that are served are bounded, and whether that is enforced or only reported. */
  readonly bounds: PolicySettings['mode'] | undefined;
  /**
   * Checks what a request is about, before anything is asked.
   * @param isOfOthers whether it is about other repositories than the one that it names, or about all
   * @throws RegistryError DENIED: the repository is not served, or the answer would tell of those that are not
   */
  check(ctx: RequestContext, route: Route, isOfOthers: boolean): void;
  /**
   * Refuses a request.
   * @throws RegistryError DENIED, with the policy's name, unless policies are only reported
   */
  deny(ctx: RequestContext, policy: PolicyName, message: string): void;
  /** Whether a policy refuses, and does not only tell. */
  isEnforced(policy: PolicyName): boolean;
  /**
   * Whether something about another repository is left out of a request or of its answer. What is, or would be, is told
   * once for each policy.
   * @param name the repository; `undefined`: nobody knows which
   */
  leavesOut(ctx: RequestContext, name: string | undefined): boolean;
  /**
   * Whether the move of a tag that never moves is not followed. If so, or if it would not be, that is told.
   */
  keepsTag(ctx: RequestContext, name: RepositoryName, tag: string): boolean;
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

  /** Tells, once for each request, what a policy does or would do. @returns whether it is enforced */
  function tell(ctx: RequestContext, policy: PolicyName): boolean {
    const outcome = isEnforced(policy) ? 'denied' : 'reported';
    const isTold = ctx.events.some((event) => event.kind === 'policy' && event.policy === policy);
    if (!isTold) ctx.emit({ kind: 'policy', policy, outcome });
    return outcome === 'denied';
  }

  function deny(ctx: RequestContext, policy: PolicyName, message: string): void {
    if (tell(ctx, policy)) throw new RegistryError('DENIED', { message, detail: { policy } });
  }

  const bounds = [
    ...(denied.isEmpty
      ? []
      : [{ policy: 'DENY_REPOSITORIES', isBroken: (name: string) => denied.matches(name) } as const]),
    ...(allowed ? [{ policy: 'ALLOW_REPOSITORIES', isBroken: (name: string) => !allowed.matches(name) } as const] : []),
  ].sort((one, other) => Number(isEnforced(other.policy)) - Number(isEnforced(one.policy)));
  /** Returns the policy that does not let a repository through: one that is only reported hides none that is enforced. */
  const against = (name: string) => bounds.find(({ isBroken }) => isBroken(name))?.policy;

  const isImmutable = (name: RepositoryName, tag: string) => immutableTags.matches(`${name}:${tag}`);
  const [strictest] = bounds;

  return {
    bounds: strictest && (isEnforced(strictest.policy) ? 'enforce' : 'report'),
    check(ctx, route, isOfOthers) {
      if (!strictest) return;
      const policy = isOfOthers ? strictest.policy : 'name' in route ? against(route.name) : undefined;
      if (policy) deny(ctx, policy, 'this edge does not serve the repository');
    },
    deny,
    isEnforced,
    leavesOut(ctx, name) {
      const policy = name === undefined ? strictest?.policy : against(name);
      return policy !== undefined && tell(ctx, policy);
    },
    keepsTag: (ctx, name, tag) => isImmutable(name, tag) && tell(ctx, 'IMMUTABLE_TAGS'),
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
export function longestTagMs({ immutableTags, tagTtls }: PolicySettings, tagMs: number | undefined): number {
  const pinnedMs = immutableTags.isEmpty ? 0 : PINNED_MS;
  return Math.max(pinnedMs, ...(tagMs === undefined ? [] : [tagMs, ...tagTtls.map(({ ms }) => ms)]));
}
