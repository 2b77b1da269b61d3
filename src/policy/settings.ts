import type { Patterns } from '../oci/patterns.ts';
import type { CooldownSettings } from './cooldown.ts';

/** What an operator lets through an upstream. */
export interface PolicySettings {
  /** `POLICY_MODE`. `report`: what would be refused is told, and not refused. */
  readonly mode: 'enforce' | 'report';
  /** `ALLOW_REPOSITORIES`; `undefined`: all that the origin shows. */
  readonly allowed: Patterns | undefined;
  /** Whether `allowed` says for what the edge lends an account of its own: then it is always enforced. */
  readonly isLent: boolean;
  /** `DENY_REPOSITORIES` */
  readonly denied: Patterns;
  /** `IMMUTABLE_TAGS`: patterns of `<repository>:<tag>`. */
  readonly immutableTags: Patterns;
  /** `TAG_TTLS`: patterns as `immutableTags`, each with its window (ms). The first that matches counts. */
  readonly tagTtls: readonly { readonly tags: Patterns; readonly ms: number }[];
  /** `undefined`: there is none. */
  readonly cooldown: CooldownSettings | undefined;
}
