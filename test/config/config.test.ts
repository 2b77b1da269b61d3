import { describe, expect, it } from 'vitest';
import { BACKENDS } from '../../src/assembleCaches.ts';
import { ConfigError, parseConfig as parse, variableNames } from '../../src/config/config.ts';

/** The configuration of an edge with one upstream. */
function parseConfig(env: Record<string, unknown>) {
  const { upstreams, ...edge } = parse(env, BACKENDS);
  expect(upstreams).toHaveLength(1);
  return { ...upstreams[0], ...edge };
}
const PRIVATE_PEM = ['-----BEGIN PRIVATE KEY-----', 'hunter2', '-----END PRIVATE KEY-----'].join('\n');
const MINIMAL = { ORIGIN_URL: 'https://registry.example.com', DESCRIPTORS: {}, REPOSITORIES: {} };
const REDIS = {
  BLOBDESCRIPTOR: 'redis',
  UPSTASH_REDIS_REST_URL: 'https://eu1.upstash.io',
  UPSTASH_REDIS_REST_TOKEN: 'a-token',
};

function messageOf(env: Record<string, unknown>): string {
  try {
    parseConfig(env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('the configuration was accepted');
}

describe('parseConfig', () => {
  it('needs only an origin and a namespace, and has the documented defaults', () => {
    expect(parseConfig(MINIMAL)).toEqual({
      originUrl: new URL('https://registry.example.com'),
      originTimeoutMs: 30_000,
      redirectHosts: undefined,
      tokenRealms: [],
      preset: '',
      defaultNamespace: undefined,
      backend: {
        kind: 'durable',
        hasHistory: true,
        lacksTags: false,
        open: expect.any(Function),
        openCounter: expect.any(Function),
      },
      descriptorTtlMs: 3_600_000,
      pushExistenceTtlMs: 300_000,
      pushStaleMs: 86_400_000,
      tagTtlMs: 10_000,
      listTtlMs: 0,
      staleIfErrorMs: 3_600_000,
      keepsDeleted: false,
      blobRedirect: 'pass',
      uploadOrigin: 'edge',
      mirroredHosts: [],
      alias: '',
      chosenBy: { hosts: [], prefix: undefined, ns: [] },
      memoryTtlMs: 30_000,
      memory: { entries: 10_000, bytes: 16 * 1_048_576 },
      clientAuth: 'origin',
      allowsWrites: true,
      policies: {
        ...{ mode: 'enforce', allowed: undefined, isLent: false, tagTtls: [] },
        ...{
          denied: expect.objectContaining({ isEmpty: true }),
          immutableTags: expect.objectContaining({ isEmpty: true }),
        },
      },
      pullBudget: { isExpected: false, declared: undefined },
      tokenRealm: 'origin',
      deleteEnabled: true,
      cacheTimeoutMs: 250,
      adminToken: undefined,
      eventsToken: undefined,
      metricsToken: undefined,
      metrics: undefined,
      analytics: undefined,
      logLevel: 'info',
      debugSample: 0,
      warnings: [],
    });
  });

  it.each([
    ['0', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h', 3_600_000],
    ['7d', 604_800_000],
    [' 1h ', 3_600_000],
    ['', 3_600_000],
  ])('reads the duration %j', (text, ms) => {
    expect(parseConfig({ ...MINIMAL, DESCRIPTOR_TTL: text }).descriptorTtlMs).toBe(ms);
  });

  it.each([
    ['ORIGIN_URL', ''],
    ['ORIGIN_URL', 'registry.example.com'],
    ['ORIGIN_URL', 'ftp://registry.example.com'],
    ['ORIGIN_URL', 'http://registry.example.com'],
    ['ORIGIN_URL', 'https://user:pass@registry.example.com'],
    ['ORIGIN_URL', 'https://registry.example.com/?a=b'],
    ['ORIGIN_URL', 'https://registry.example.com/v2/'],
    ['ORIGIN_URL', 'https://registry.example.com/v2//'],
    ['ORIGIN_URL', 'https://registry.example.com/?'],
    ['ORIGIN_URL', 'https://registry.example.com/#'],
    ['ORIGIN_URL', 'http://127.evil.example'],
    ['ORIGIN_INSECURE', 'yes'],
    ['ORIGIN_TIMEOUT', '0'],
    ['ORIGIN_TIMEOUT', '30'],
    ['ORIGIN_TIMEOUT', '1ms'],
    ['ORIGIN_TIMEOUT', '6m'],
    ['ORIGIN_TIMEOUT', '20d'],
    ['REDIRECT_HOSTS', 'https://storage.example.com'],
    ['REDIRECT_HOSTS', 'a.example.com,,b.example.com'],
    ['REDIRECT_HOSTS', Array(101).fill('a.example.com').join()],
    ['REDIRECT_HOSTS', `${'a.'.repeat(126)}com`],
    ['BLOBDESCRIPTOR', 'memcached'],
    ['LAYERINFO', 'memcached'],
    ['DESCRIPTOR_TTL', '-1s'],
    ['DESCRIPTOR_TTL', '1.5h'],
    ['DESCRIPTOR_TTL', '21d'],
    ['DESCRIPTOR_TTL', '1 h'],
    ['PUSH_EXISTENCE_TTL', 'never'],
    ['TAG_TTL', '10'],
    ['LIST_TTL', 'soon'],
    ['LIST_TTL', '61m'],
    ['STALE_IF_ERROR', '1w'],
    ['BLOB_REDIRECT', 'true'],
    ['MIRRORED_HOSTS', 'https://docker.io'],
    ['MIRRORED_HOSTS', 'docker.io,,ghcr.io'],
    ['MIRRORED_HOSTS', Array(101).fill('docker.io').join()],
    ['MIRRORED_HOSTS', 'docker.io:65536'],
    ['MIRRORED_HOSTS', 'docker.io:0'],
    ['MIRRORED_HOSTS', `${'a'.repeat(254)}:5000`],
    ['TOKEN_REALMS_ALLOWED', 'https://auth.example.com'],
    ['TOKEN_REALMS_ALLOWED', '*.example.com'],
    ['TOKEN_REALMS_ALLOWED', 'auth.example.com/token'],
    ['MEMORY_TTL', '1y'],
    ['MEMORY_ENTRIES', '0'],
    ['MEMORY_ENTRIES', '1'],
    ['MEMORY_ENTRIES', '15'],
    ['MEMORY_ENTRIES', '1000000'],
    ['MEMORY_BYTES', '16MB'],
    ['MEMORY_BYTES', '1KiB'],
    ['MEMORY_BYTES', '255KiB'],
    ['MEMORY_BYTES', '65MiB'],
    ['MEMORY_BYTES', '1GiB'],
    ['MEMORY_BYTES', '999999GiB'],
    ['CLIENT_AUTH', 'none'],
    ['DELETE_ENABLED', '1'],
    ['CACHE_TIMEOUT', '0'],
    ['CACHE_TIMEOUT', '1ms'],
    ['CACHE_TIMEOUT', '31s'],
    ['ADMIN_TOKEN', 'too-short'],
    ['ADMIN_TOKEN', 'with white space in it'],
    ['EVENTS_TOKEN', 'x'.repeat(1_025)],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%j, naming the variable and what it should look like', (name, value) => {
    expect(messageOf({ ...MINIMAL, [name]: value })).toMatch(new RegExp(`^  ${name}: expected `, 'm'));
  });

  it.each([
    ['ORIGIN_TIMEOUT', '1ms', 'from 10ms to 5m, such as 30s'],
    [
      'MEMORY_BYTES',
      '64KiB',
      'from 256KiB to 64MiB, such as 512KiB or 16MiB: with less, proofs of access are not remembered, and an isolate has 128 MB',
    ],
    ['MEMORY_ENTRIES', '1', 'from 16 to 999999: with fewer, proofs of access are not remembered'],
    ['REDIRECT_HOSTS', Array(5_000).fill('a.example.com').join(), 'at most 100 host names'],
  ])('says what would work instead of %s=%j', (name, value, sentence) => {
    expect(messageOf({ ...MINIMAL, [name]: value })).toContain(sentence);
  });

  it.each<[string, string, (config: ReturnType<typeof parseConfig>) => unknown, unknown]>([
    ['ORIGIN_TIMEOUT', '10ms', (config) => config.originTimeoutMs, 10],
    ['ORIGIN_TIMEOUT', '5m', (config) => config.originTimeoutMs, 300_000],
    ['CACHE_TIMEOUT', '10ms', (config) => config.cacheTimeoutMs, 10],
    ['CACHE_TIMEOUT', '30s', (config) => config.cacheTimeoutMs, 30_000],
    ['LIST_TTL', '1h', (config) => config.listTtlMs, 3_600_000],
    ['STALE_IF_ERROR', '3650d', (config) => config.staleIfErrorMs, 315_360_000_000],
    ['MEMORY_ENTRIES', '16', (config) => config.memory.entries, 16],
    ['MEMORY_ENTRIES', '999999', (config) => config.memory.entries, 999_999],
    ['MEMORY_BYTES', '256KiB', (config) => config.memory.bytes, 262_144],
    ['MEMORY_BYTES', '64MiB', (config) => config.memory.bytes, 67_108_864],
    ['REDIRECT_HOSTS', Array(100).fill('a.example.com').join(), (config) => config.redirectHosts?.length, 100],
    ['MIRRORED_HOSTS', `${'a'.repeat(253)}:65535`, (config) => config.mirroredHosts.length, 1],
    ['EVENTS_TOKEN', 'x'.repeat(1_024), (config) => config.eventsToken?.length, 1_024],
  ])('accepts a value at its bound: %s=%j', (name, value, select, expected) => {
    expect(select(parseConfig({ ...MINIMAL, [name]: value }))).toBe(expected);
  });

  const MIRROR = { CLIENT_AUTH: 'anonymous' };
  it.each<[string, Record<string, string>, string[]]>([
    ['memory that outlives its entries', { MEMORY_TTL: '2h' }, ['MEMORY_TTL']],
    ['the same in a mirror, where stale answers live longer', { ...MIRROR, MEMORY_TTL: '2h' }, []],
    ['memory that outlives even stale answers', { ...MIRROR, MEMORY_TTL: '3h' }, ['MEMORY_TTL']],
    ['pushes that trust an answer longer than pulls', { PUSH_EXISTENCE_TTL: '2h' }, ['PUSH_EXISTENCE_TTL']],
    ['pushes in a mirror', { ...MIRROR, PUSH_EXISTENCE_TTL: '5m' }, ['PUSH_EXISTENCE_TTL']],
    ['tags that are trusted longer than digests', { ...MIRROR, TAG_TTL: '2h' }, ['TAG_TTL']],
    [
      'settings for pulls where every caller may push',
      { DESCRIPTOR_TTL: '1h', TAG_TTL: '10s', TAG_TTLS: 'v*=1d', LIST_TTL: '10s', STALE_IF_ERROR: '1h' },
      ['DESCRIPTOR', 'TAG_TTL', 'TAG_TTLS', 'LIST', 'STALE'],
    ],
    ['the same settings, turned off', { TAG_TTL: '0', LIST_TTL: '0', STALE_IF_ERROR: '0' }, []],
    ['no window, although defaults are longer', { DESCRIPTOR_TTL: '0', PUSH_EXISTENCE_TTL: '0' }, []],
    ['no window in a mirror', { ...MIRROR, DESCRIPTOR_TTL: '0' }, []],
    ['consistent windows', { ...MIRROR, DESCRIPTOR_TTL: '7d', TAG_TTL: '1h', MEMORY_TTL: '1m' }, []],
  ])('warns about settings without effect, but never about defaults: %s', (_what, variables, names) => {
    const { warnings } = parseConfig({ ...MINIMAL, ...variables });
    expect(warnings).toEqual(names.map((name) => expect.stringMatching(new RegExp(`^${name}\\S* .{20}`))));
  });

  const KEY = { TOKEN_JWKS: '{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}' };
  const TOKENS = { ...KEY, TOKEN_ISSUER: 'auth.example.com', TOKEN_SERVICE: 'registry.example.com' };
  it('reads how tokens are verified, and only where a key is configured', () => {
    expect(parseConfig(MINIMAL).tokens).toBeUndefined();
    const { tokens, warnings } = parseConfig({ ...MINIMAL, ...TOKENS, PULL_ONLY_SUBJECTS: 'ci', TAG_TTL: '10s' });
    expect(tokens).toMatchObject({ issuer: 'auth.example.com', service: 'registry.example.com', hasPullOnly: true });
    expect(warnings).toEqual([]);
    const ineffective = parseConfig({ ...MINIMAL, TOKEN_ISSUER: 'x', PULL_ONLY_SUBJECTS: 'ci' }).warnings;
    expect(ineffective.map((warning) => warning.split(' ')[0])).toEqual(['TOKEN_ISSUER', 'PULL_ONLY_SUBJECTS']);
    const open = parseConfig({ ...MINIMAL, ...TOKENS, CLIENT_AUTH: 'anonymous' }).warnings;
    expect(open.map((warning) => warning.split(' ')[0])).toEqual(['TOKEN_JWKS', 'TOKEN_ISSUER', 'TOKEN_SERVICE']);
  });

  it.each<[string, Record<string, string>, string]>([
    ['a key without an issuer', KEY, 'TOKEN_ISSUER: expected'],
    ['a key without an audience', { ...KEY, TOKEN_ISSUER: 'x' }, 'TOKEN_SERVICE: expected'],
    ['text that is no key set', { TOKEN_JWKS: 'hunter2' }, 'TOKEN_JWKS: expected'],
    ['an empty key set', { TOKEN_JWKS: '{"keys":[]}' }, 'TOKEN_JWKS: expected'],
    ['a secret', { TOKEN_JWKS: '{"keys":[{"kty":"oct","k":"hunter2"}]}' }, 'TOKEN_JWKS: expected'],
    ['a private key', { TOKEN_JWKS: '{"keys":[{"kty":"EC","d":"hunter2"}]}' }, 'TOKEN_JWKS: expected'],
    ['a key set over http', { TOKEN_JWKS_URL: 'http://auth.example.com/keys' }, 'TOKEN_JWKS_URL: expected'],
    ['a login in the URL', { TOKEN_JWKS_URL: 'https://u:hunter2@auth.example.com' }, 'TOKEN_JWKS_URL: expected'],
    ['a private key in PEM', { TOKEN_PUBLIC_KEYS: PRIVATE_PEM }, 'TOKEN_PUBLIC_KEYS: expected'],
    ['an empty subject', { ...TOKENS, PULL_ONLY_SUBJECTS: 'a,,b' }, 'PULL_ONLY_SUBJECTS: expected'],
  ])('rejects %s', (_what, variables, expected) => {
    const message = messageOf({ ...MINIMAL, ...variables });
    expect(message).toContain(expected);
    expect(message).not.toContain('hunter2');
  });

  it('names every bad variable at once', () => {
    const message = messageOf({ CLIENT_AUTH: 'x', MEMORY_TTL: 'y', BLOBDESCRIPTOR: 'redis' });
    for (const name of [
      'ORIGIN_URL',
      'CLIENT_AUTH',
      'MEMORY_TTL',
      'UPSTASH_REDIS_REST_URL',
      'UPSTASH_REDIS_REST_TOKEN',
    ]) {
      expect(message).toContain(`  ${name}: expected`);
    }
  });

  it('never prints a value, which may be a secret', () => {
    const message = messageOf({
      ...MINIMAL,
      ...REDIS,
      UPSTASH_REDIS_REST_TOKEN: 'top secret',
      UPSTASH_REDIS_REST_URL: 'https://user:hunter2@eu1.upstash.io',
      ORIGIN_URL: 'https://user:hunter2@registry.example.com',
    });
    expect(message).not.toMatch(/top secret|hunter2/);
    expect(message).toContain('UPSTASH_REDIS_REST_TOKEN');
  });

  it('accepts Redis with URL and token, over http only at an internal address', () => {
    expect(parseConfig({ ...MINIMAL, ...REDIS }).backend.kind).toBe('redis');
    expect(parseConfig({ ...MINIMAL, ...REDIS, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:8079' }).backend.kind).toBe(
      'redis',
    );
    // All but the first are no public hosts, but requests to them would cross the Internet.
    for (const host of ['eu1.upstash.io', '[::ffff:8.8.8.8]', '[2002:808:808::1]', '[2001:0:4136::1]', '203.0.113.1']) {
      expect(messageOf({ ...MINIMAL, ...REDIS, UPSTASH_REDIS_REST_URL: `http://${host}` })).toContain('https');
    }
  });

  it('accepts hosts with a port in MIRRORED_HOSTS and TOKEN_REALMS_ALLOWED', () => {
    const list = 'Docker.io, registry.example.com:5000';
    const config = parseConfig({ ...MINIMAL, MIRRORED_HOSTS: list, TOKEN_REALMS_ALLOWED: list });
    expect([config.mirroredHosts, config.tokenRealms]).toEqual(
      Array(2).fill(['docker.io', 'registry.example.com:5000']),
    );
  });

  it('REDIS_SHARED requires Redis', () => {
    expect(parseConfig({ ...MINIMAL, ...REDIS, REDIS_SHARED: 'true' }).backend.kind).toBe('redis');
    expect(messageOf({ ...MINIMAL, REDIS_SHARED: 'true' })).toContain('REDIS_SHARED: requires BLOBDESCRIPTOR=redis');
  });

  it('requires the binding of the store that is chosen, and no other', () => {
    const { ORIGIN_URL } = MINIMAL;
    expect(messageOf({ ORIGIN_URL })).toContain('REPOSITORIES: expected a namespace of Durable Objects');
    expect(messageOf({ ORIGIN_URL, BLOBDESCRIPTOR: 'kv' })).toContain('DESCRIPTORS: expected a KV namespace');
    for (const [kind, binding] of [
      ['durable', 'REPOSITORIES'],
      ['kv', 'DESCRIPTORS'],
      ['inmemory', 'OTHER'],
    ] as const) {
      expect(parseConfig({ ORIGIN_URL, BLOBDESCRIPTOR: kind, [binding]: {} }).backend.kind).toBe(kind);
    }
  });

  it('accepts the places that Cloudflare has for objects, and no others', () => {
    expect(parseConfig({ ...MINIMAL, STORE_LOCATION: 'weur', STORE_JURISDICTION: 'eu' }).backend.kind).toBe('durable');
    const message = messageOf({ ...MINIMAL, STORE_LOCATION: 'mars', STORE_JURISDICTION: 'moon' });
    expect(message).toContain('STORE_LOCATION: expected wnam or enam or ');
    expect(message).toContain('STORE_JURISDICTION: expected eu or us or fedramp, or none');
  });

  it('allows http to this machine, and to other machines only with ORIGIN_INSECURE', () => {
    for (const url of ['http://127.0.0.1:5000', 'http://localhost:5000', 'http://[::1]:5000']) {
      expect(parseConfig({ ...MINIMAL, ORIGIN_URL: url }).originUrl.href).toContain(url);
    }
    const elsewhere = { ...MINIMAL, ORIGIN_URL: 'http://registry:5000' };
    expect(messageOf(elsewhere)).toContain('ORIGIN_INSECURE=true');
    expect(parseConfig({ ...elsewhere, ORIGIN_INSECURE: 'true' }).originUrl.host).toBe('registry:5000');
  });

  it('accepts the booleans and numbers that wrangler passes for unquoted values', () => {
    const config = parseConfig({ ...MINIMAL, DELETE_ENABLED: false, MEMORY_ENTRIES: 50, DESCRIPTOR_TTL: 0 });
    expect([config.deleteEnabled, config.memory.entries, config.descriptorTtlMs]).toEqual([false, 50, 0]);
  });

  it('reads LAYERINFO where BLOBDESCRIPTOR is absent, with a warning', () => {
    const old = parseConfig({ ...MINIMAL, LAYERINFO: 'inmemory' });
    expect(old.backend.kind).toBe('inmemory');
    expect(old.warnings).toEqual([expect.stringContaining('LAYERINFO')]);
    const both = parseConfig({ ...MINIMAL, LAYERINFO: 'inmemory', BLOBDESCRIPTOR: 'kv' });
    expect(both.backend.kind).toBe('kv');
    expect(both.warnings).toEqual([]);
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['0.01', 0.01],
    ['.5', 0.5],
  ])('reads the share of requests %j', (DEBUG_SAMPLE, share) => {
    expect(parseConfig({ ...MINIMAL, DEBUG_SAMPLE }).debugSample).toBe(share);
  });

  it.each(['2', '1.5', '-0.1', '1%', '1e-2', 'all'])('rejects the share of requests %j', (DEBUG_SAMPLE) => {
    expect(messageOf({ ...MINIMAL, DEBUG_SAMPLE })).toContain('DEBUG_SAMPLE: expected a share');
  });

  it('finds the object of the metrics only where a token lets somebody read them', () => {
    const METRICS = { jurisdiction: () => METRICS };
    const [METRICS_TOKEN, ADMIN_TOKEN] = ['prometheus-knows-this', 'operators-know-this'];
    expect(parseConfig({ ...MINIMAL, METRICS }).metrics).toBeUndefined();
    for (const token of [{ METRICS_TOKEN }, { ADMIN_TOKEN }]) {
      const config = parseConfig({ ...MINIMAL, ...token, METRICS, STORE_LOCATION: 'weur' });
      expect(config.metrics?.()).toEqual({ namespace: METRICS, location: 'weur' });
      expect(config.warnings).toEqual([]);
    }
    expect(parseConfig({ ...MINIMAL, METRICS_TOKEN }).warnings).toEqual([
      expect.stringContaining('METRICS_TOKEN has no effect'),
    ]);
    expect(messageOf({ ...MINIMAL, METRICS_TOKEN: 'short' })).toContain('METRICS_TOKEN: expected a token');
  });

  it('reads no variable that variableNames does not list', () => {
    const read = new Set<string>();
    const seen = (variables: Record<string, unknown>) =>
      new Proxy<Record<string, unknown>>(variables, {
        get: (target, name: string) => {
          read.add(name);
          return target[name];
        },
      });
    for (const { kind } of BACKENDS) parseConfig(seen({ ...MINIMAL, ...REDIS, BLOBDESCRIPTOR: kind }));
    for (const binding of ['ANALYTICS', 'DESCRIPTORS', 'REPOSITORIES']) read.delete(binding);
    expect([...read].sort()).toEqual([...variableNames(BACKENDS)].sort());
  });
});
