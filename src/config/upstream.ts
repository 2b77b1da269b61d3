import type { AccountSettings } from '../http/accountSettings.ts';
import type { ChosenBy } from '../http/choice.ts';
import type { TokenSettings } from '../http/tokenSettings.ts';
import type { RepositoryName } from '../oci/name.ts';
import type { PolicySettings } from '../policy/settings.ts';
import type { PullSettings } from '../pulls/settings.ts';
import { ACCOUNT_VARIABLES, readAccount } from './account.ts';
import { checkArchive } from './archive.ts';
import { type CallersConfig, checkWriters, readCallers, USER_VARIABLES } from './callers.ts';
import { duration, type Form, flag, hostPatterns, hosts, oneOf, oneOfOrNone, timeout } from './forms.ts';
import { INHERITED_POLICIES, OWN_POLICIES, readPolicies } from './policies.ts';
import { PRESET_NAMES } from './presets.ts';
import { pullBudget } from './pullBudget.ts';
import type { Settings } from './settings.ts';
import { readTokens, TOKEN_VARIABLES } from './tokens.ts';
import { beginning, hostsOfEdge, optionalToken, originUrl } from './upstreamForms.ts';

/** The configuration of one upstream. Durations in ms. */
export interface UpstreamConfig extends CallersConfig {
  /** Its name in `UPSTREAMS`; empty for the default upstream. */
  readonly alias: string;
  /** What chooses it; nothing chooses the default upstream, which gets what is left. */
  readonly chosenBy: ChosenBy;
  readonly originUrl: URL;
  readonly originTimeoutMs: number;
  readonly redirectHosts: readonly string[] | undefined;
  /** The hosts of token servers that may be asked, besides the well-known ones. */
  readonly tokenRealms: readonly string[];
  readonly descriptorTtlMs: number;
  readonly pushExistenceTtlMs: number;
  readonly pushStaleMs: number;
  readonly tagTtlMs: number;
  readonly listTtlMs: number;
  readonly staleIfErrorMs: number;
  /** `KEEP_DELETED=keep`: what the origin no longer has is answered as while it fails. */
  readonly keepsDeleted: boolean;
  readonly memoryTtlMs: number;
  readonly blobRedirect: 'pass' | 'follow';
  readonly uploadOrigin: 'edge' | 'direct';
  /** The hosts by which `?ns=` may name this origin's own content. */
  readonly mirroredHosts: readonly string[];
  /** `PRESET`; empty for none. */
  readonly preset: string;
  /** The namespace of repositories that are named without one. */
  readonly defaultNamespace: RepositoryName | undefined;
  /** `ORIGIN_ACCOUNT` */
  readonly account: AccountSettings | undefined;
  /** What is let through. */
  readonly policies: PolicySettings;
  /** `UPSTREAM_BUDGET`: how many pulls the origin allows. */
  readonly pullBudget: PullSettings;
  /** Where clients fetch tokens: from the origin's token server itself, or through the edge. */
  readonly tokenRealm: 'origin' | 'edge';
  /** How tokens are verified at the edge; `undefined`: only the origin judges them. */
  readonly tokens: TokenSettings | undefined;
  readonly deleteEnabled: boolean;
  readonly cacheTimeoutMs: number;
  /** Guards the path for the registry's events, which answers 404 without it. */
  readonly eventsToken: string | undefined;
}

/** The variables that choose an upstream; the default upstream has none of them. */
export const CHOOSERS = ['HOSTS', 'PREFIX', 'NS'] as const;

/** Those that describe one registry, so that no upstream has them from the whole edge. */
export const OWN_VARIABLES = [
  'PRESET',
  'ORIGIN_URL',
  'MIRRORED_HOSTS',
  'DEFAULT_NAMESPACE',
  'TOKEN_REALM',
  'UPSTREAM_BUDGET',
  'KEEP_DELETED',
  ...USER_VARIABLES,
  ...TOKEN_VARIABLES,
  ...ACCOUNT_VARIABLES,
  ...OWN_POLICIES,
] as const;

/** Those of the whole edge hold for every upstream that does not have its own. */
export const INHERITED_VARIABLES = [
  'ORIGIN_INSECURE',
  'ORIGIN_TIMEOUT',
  'REDIRECT_HOSTS',
  'TOKEN_REALMS_ALLOWED',
  'DESCRIPTOR_TTL',
  'PUSH_EXISTENCE_TTL',
  'PUSH_STALE_WHILE_REVALIDATE',
  'TAG_TTL',
  'LIST_TTL',
  'STALE_IF_ERROR',
  'MEMORY_TTL',
  'BLOB_REDIRECT',
  'UPLOAD_ORIGIN',
  'CLIENT_AUTH',
  'DELETE_ENABLED',
  'CACHE_TIMEOUT',
  'EVENTS_TOKEN',
  ...INHERITED_POLICIES,
] as const;

/** The variables and secrets of an upstream. */
export const UPSTREAM_VARIABLES = [...OWN_VARIABLES, ...INHERITED_VARIABLES];

/**
 * Reads the configuration of one upstream. What is bad is reported, and then the result is of no use.
 * @param originExample an example of the `ORIGIN_URL` that has to be set
 */
export function readUpstream(settings: Settings, alias: string, originExample: string | undefined): UpstreamConfig {
  const read = <T>(name: (typeof UPSTREAM_VARIABLES)[number], form: Form<T>) => settings.read(name, form);
  const allowsHttp = read('ORIGIN_INSECURE', flag('false'));
  const callers = readCallers(settings);
  const tokenRealms = read('TOKEN_REALMS_ALLOWED', hosts('auth.example.com'));
  const { account, allowed } = readAccount(settings, {
    clientAuth: callers.clientAuth,
    tokenRealms: tokenRealms ?? [],
  });
  const config = {
    alias,
    chosenBy: alias === '' ? { hosts: [], prefix: undefined, ns: [] } : readChosenBy(settings),
    preset: read('PRESET', oneOfOrNone(PRESET_NAMES)),
    originUrl: read('ORIGIN_URL', originUrl(allowsHttp ?? true, originExample)),
    originTimeoutMs: read('ORIGIN_TIMEOUT', timeout('30s', '10ms', '5m')),
    redirectHosts: read('REDIRECT_HOSTS', hostPatterns())?.patterns,
    tokenRealms,
    descriptorTtlMs: read('DESCRIPTOR_TTL', duration('1h')),
    pushExistenceTtlMs: read('PUSH_EXISTENCE_TTL', duration('5m')),
    pushStaleMs: read('PUSH_STALE_WHILE_REVALIDATE', duration('1d')),
    tagTtlMs: read('TAG_TTL', duration('10s')),
    listTtlMs: read('LIST_TTL', duration('0', '1h')),
    staleIfErrorMs: read('STALE_IF_ERROR', duration('1h', '3650d')),
    keepsDeleted: read('KEEP_DELETED', oneOf('drop', ['drop', 'keep'])) === 'keep',
    memoryTtlMs: read('MEMORY_TTL', duration('30s')),
    blobRedirect: read('BLOB_REDIRECT', oneOf('pass', ['pass', 'follow'])),
    uploadOrigin: read('UPLOAD_ORIGIN', oneOf('edge', ['edge', 'direct'])),
    mirroredHosts: read('MIRRORED_HOSTS', hosts('docker.io')),
    defaultNamespace: read('DEFAULT_NAMESPACE', beginning('library'))?.name,
    ...callers,
    account,
    policies: readPolicies(settings, { allowed, isLent: account !== undefined }),
    pullBudget: read('UPSTREAM_BUDGET', pullBudget()),
    tokenRealm: read('TOKEN_REALM', oneOf('origin', ['origin', 'edge'])),
    tokens: readTokens(settings),
    deleteEnabled: read('DELETE_ENABLED', flag('true')),
    cacheTimeoutMs: read('CACHE_TIMEOUT', timeout('250ms', '10ms', '30s')),
    eventsToken: read('EVENTS_TOKEN', optionalToken())?.token,
  };
  checkWriters(settings, callers, config);
  checkArchive(settings, config);
  return config as UpstreamConfig; // an undefined value has been reported
}

function readChosenBy(settings: Settings): ChosenBy {
  return {
    hosts: settings.read('HOSTS', hostsOfEdge()) ?? [],
    prefix: settings.read('PREFIX', beginning('hub'))?.name,
    ns: settings.read('NS', hosts('docker.io')) ?? [],
  };
}
