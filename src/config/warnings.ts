import { ONLY_WITH_ACCOUNT } from './account.ts';
import { USER_VARIABLES } from './callers.ts';
import { TOKEN_VARIABLES } from './tokens.ts';
import type { UpstreamConfig } from './upstream.ts';

const SHORTEN = 'set it to DESCRIPTOR_TTL or less';
const PULL_ONLY = 'has no effect while every caller may push: remove it, or name PULL_ONLY_SUBJECTS';
const NO_KEYS = 'has no effect without TOKEN_JWKS, TOKEN_JWKS_URL or TOKEN_PUBLIC_KEYS: set one of them';
const NO_PUSHERS =
  'has no effect where nobody may push (CLIENT_AUTH=anonymous, or basic where no user may push): remove it';
const NO_CALLERS = 'has no effect where no credential of the origin counts (CLIENT_AUTH=anonymous, basic): remove it';
const NO_USERS = 'has no effect without CLIENT_AUTH=basic: set it, or remove this one';
const NO_IDENTITIES = 'has no effect without OIDC_USERS: name who may log in with its tokens, or remove this one';
const NO_ACCOUNT = 'has no effect without ORIGIN_ACCOUNT: set it, or remove this one';
const NO_COOLDOWN = 'has no effect without COOLDOWN: set it, or remove this one';
const ONLY_WITH_COOLDOWN = ['COOLDOWN_TAGS', 'COOLDOWN_DIGESTS', 'COOLDOWN_UNKNOWN'];
const CALLERS_PULL = 'has no effect where the origin counts the pulls of each caller (CLIENT_AUTH=origin): remove it';
const CLIENTS_FETCH = 'has no effect where clients fetch tokens themselves: remove it, or set TOKEN_REALM=edge';

/**
 * Finds settings that are valid by themselves, but have no effect or contradict each other. Defaults are never
 * reported, since they suit whatever else is set.
 * @param isSet whether a variable has a value of its own
 * @returns one sentence for each, which says what would work
 */
export function settingsWithoutEffect(config: UpstreamConfig, isSet: (name: string) => boolean): string[] {
  const { descriptorTtlMs, pushExistenceTtlMs, pushStaleMs, tagTtlMs, listTtlMs, staleIfErrorMs } = config;
  const { memoryTtlMs, tokens, allowsWrites } = config;
  const isOpen = config.clientAuth !== 'origin';
  const hasPullOnly = isOpen || tokens?.hasPullOnly === true;
  const usableMs = Math.max(descriptorTtlMs, pushExistenceTtlMs) + (hasPullOnly ? staleIfErrorMs : 0);
  const checks: readonly (readonly [name: string, applies: boolean, sentence: string])[] = [
    ['MEMORY_TTL', memoryTtlMs > usableMs, `is longer than entries may be served: ${SHORTEN}`],
    [
      'PUSH_EXISTENCE_TTL',
      allowsWrites && pushExistenceTtlMs > descriptorTtlMs,
      `is longer than DESCRIPTOR_TTL, but pushes need fresher answers than pulls: ${SHORTEN}`,
    ],
    ['TAG_TTL', hasPullOnly && tagTtlMs > descriptorTtlMs, `is longer than DESCRIPTOR_TTL, but tags move: ${SHORTEN}`],
    ['PUSH_EXISTENCE_TTL', !allowsWrites && pushExistenceTtlMs > 0, NO_PUSHERS],
    ['PUSH_STALE_WHILE_REVALIDATE', !allowsWrites && pushStaleMs > 0, NO_PUSHERS],
    [
      'PUSH_STALE_WHILE_REVALIDATE',
      allowsWrites && pushStaleMs > 0 && pushExistenceTtlMs === 0,
      'has no effect with PUSH_EXISTENCE_TTL=0, which always asks the origin: remove one of them',
    ],
    ['DESCRIPTOR_TTL', !hasPullOnly && descriptorTtlMs > 0, PULL_ONLY],
    ['TAG_TTL', !hasPullOnly && tagTtlMs > 0, PULL_ONLY],
    ['TAG_TTLS', !hasPullOnly && config.policies.tagTtls.length > 0, PULL_ONLY],
    ['COOLDOWN', !hasPullOnly && config.policies.cooldown !== undefined, PULL_ONLY],
    ...ONLY_WITH_COOLDOWN.map((name) => [name, !config.policies.cooldown, NO_COOLDOWN] as const),
    ['LIST_TTL', !hasPullOnly && listTtlMs > 0, PULL_ONLY],
    ['STALE_IF_ERROR', !hasPullOnly && staleIfErrorMs > 0, PULL_ONLY],
    ...['TOKEN_ISSUER', 'TOKEN_SERVICE', 'PULL_ONLY_SUBJECTS'].map(
      (name) => [name, !isOpen && !tokens, NO_KEYS] as const,
    ),
    ...TOKEN_VARIABLES.map((name) => [name, isOpen, NO_CALLERS] as const),
    ['TOKEN_REALM', isOpen, NO_CALLERS],
    ...USER_VARIABLES.map((name) => [name, config.clientAuth !== 'basic', NO_USERS] as const),
    ['OIDC_ISSUERS', config.clientAuth === 'basic' && !config.identities, NO_IDENTITIES],
    ...ONLY_WITH_ACCOUNT.map((name) => [name, !config.account, NO_ACCOUNT] as const),
    ['UPSTREAM_BUDGET', !isOpen, CALLERS_PULL],
    ['TOKEN_REALMS_ALLOWED', !isOpen && config.tokenRealm === 'origin', CLIENTS_FETCH],
  ];
  return checks.flatMap(([name, applies, sentence]) => (applies && isSet(name) ? [`${name} ${sentence}`] : []));
}
