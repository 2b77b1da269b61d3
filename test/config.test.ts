import { describe, expect, it } from 'vitest';
import { ConfigError, parseConfig, VARIABLES } from '../src/config.ts';

const MINIMAL = { ORIGIN_URL: 'https://registry.example.com', DESCRIPTORS: {} };
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
  throw new Error('the configuration was taken');
}

describe('parseConfig', () => {
  it('needs no more than an origin and a namespace, and has the documented defaults', () => {
    expect(parseConfig(MINIMAL)).toEqual({
      originUrl: new URL('https://registry.example.com'),
      originTimeoutMs: 30_000,
      redirectHosts: undefined,
      backend: { kind: 'kv' },
      descriptorTtlMs: 3_600_000,
      pushExistenceTtlMs: 300_000,
      tagTtlMs: 10_000,
      listTtlMs: 0,
      staleIfErrorMs: 3_600_000,
      blobRedirect: 'pass',
      uploadOrigin: 'edge',
      mirroredHosts: [],
      memory: { ttlMs: 30_000, entries: 10_000, bytes: 16 * 1_048_576 },
      clientAuth: 'origin',
      deleteEnabled: true,
      cacheTimeoutMs: 250,
      adminToken: undefined,
      eventsToken: undefined,
      logLevel: 'info',
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
    ['REDIRECT_HOSTS', 'https://storage.example.com'],
    ['REDIRECT_HOSTS', 'a.example.com,,b.example.com'],
    ['BLOBDESCRIPTOR', 'memcached'],
    ['LAYERINFO', 'memcached'],
    ['DESCRIPTOR_TTL', '-1s'],
    ['DESCRIPTOR_TTL', '1.5h'],
    ['DESCRIPTOR_TTL', '21d'],
    ['DESCRIPTOR_TTL', '1 h'],
    ['PUSH_EXISTENCE_TTL', 'never'],
    ['TAG_TTL', '10'],
    ['LIST_TTL', 'soon'],
    ['STALE_IF_ERROR', '1w'],
    ['BLOB_REDIRECT', 'true'],
    ['MIRRORED_HOSTS', 'https://docker.io'],
    ['MIRRORED_HOSTS', 'docker.io,,ghcr.io'],
    ['MEMORY_TTL', '1y'],
    ['MEMORY_ENTRIES', '0'],
    ['MEMORY_BYTES', '16MB'],
    ['CLIENT_AUTH', 'none'],
    ['DELETE_ENABLED', '1'],
    ['CACHE_TIMEOUT', '0'],
    ['ADMIN_TOKEN', 'too-short'],
    ['ADMIN_TOKEN', 'with white space in it'],
    ['LOG_LEVEL', 'loud'],
  ])('refuses %s=%j by name, and says what it should look like', (name, value) => {
    expect(messageOf({ ...MINIMAL, [name]: value })).toMatch(new RegExp(`^  ${name}: expected `, 'm'));
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

  it('prints no value, which may be a secret', () => {
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

  it('takes Redis with its URL and token, over http only on a private address', () => {
    expect(parseConfig({ ...MINIMAL, ...REDIS }).backend).toEqual({
      kind: 'redis',
      url: 'https://eu1.upstash.io/',
      token: 'a-token',
      isShared: false,
    });
    expect(parseConfig({ ...MINIMAL, ...REDIS, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:8079' }).backend.kind).toBe(
      'redis',
    );
    // The last of these are private too, but what is sent there crosses the Internet.
    for (const host of ['eu1.upstash.io', '[::ffff:8.8.8.8]', '[2002:808:808::1]', '[2001:0:4136::1]', '203.0.113.1']) {
      expect(messageOf({ ...MINIMAL, ...REDIS, UPSTASH_REDIS_REST_URL: `http://${host}` })).toContain('https');
    }
  });

  it('takes hosts with a port as MIRRORED_HOSTS', () => {
    const { mirroredHosts } = parseConfig({ ...MINIMAL, MIRRORED_HOSTS: 'Docker.io, registry.example.com:5000' });
    expect(mirroredHosts).toEqual(['docker.io', 'registry.example.com:5000']);
  });

  it('shares only a Redis with a registry', () => {
    expect(parseConfig({ ...MINIMAL, ...REDIS, REDIS_SHARED: 'true' }).backend).toMatchObject({ isShared: true });
    expect(messageOf({ ...MINIMAL, REDIS_SHARED: 'true' })).toContain('REDIS_SHARED: expected BLOBDESCRIPTOR=redis');
  });

  it('wants a namespace for kv only', () => {
    expect(messageOf({ ORIGIN_URL: MINIMAL.ORIGIN_URL })).toContain('DESCRIPTORS: expected a KV namespace');
    expect(parseConfig({ ORIGIN_URL: MINIMAL.ORIGIN_URL, BLOBDESCRIPTOR: 'inmemory' }).backend.kind).toBe('inmemory');
  });

  it('allows http to this machine, and to others only with ORIGIN_INSECURE', () => {
    for (const url of ['http://127.0.0.1:5000', 'http://localhost:5000', 'http://[::1]:5000']) {
      expect(parseConfig({ ...MINIMAL, ORIGIN_URL: url }).originUrl.href).toContain(url);
    }
    const elsewhere = { ...MINIMAL, ORIGIN_URL: 'http://registry:5000' };
    expect(messageOf(elsewhere)).toContain('ORIGIN_INSECURE=true');
    expect(parseConfig({ ...elsewhere, ORIGIN_INSECURE: 'true' }).originUrl.host).toBe('registry:5000');
  });

  it('takes what wrangler makes of an unquoted true or number', () => {
    const config = parseConfig({ ...MINIMAL, DELETE_ENABLED: false, MEMORY_ENTRIES: 5, DESCRIPTOR_TTL: 0 });
    expect([config.deleteEnabled, config.memory.entries, config.descriptorTtlMs]).toEqual([false, 5, 0]);
  });

  it('reads LAYERINFO where BLOBDESCRIPTOR is absent, with a warning', () => {
    const old = parseConfig({ ...MINIMAL, LAYERINFO: 'inmemory' });
    expect(old.backend.kind).toBe('inmemory');
    expect(old.warnings).toEqual([expect.stringContaining('LAYERINFO')]);
    const both = parseConfig({ ...MINIMAL, LAYERINFO: 'inmemory', BLOBDESCRIPTOR: 'kv' });
    expect(both.backend.kind).toBe('kv');
    expect(both.warnings).toEqual([]);
  });

  it('reads no variable that VARIABLES does not list', () => {
    const read = new Set<string>();
    const env = new Proxy({ ...MINIMAL, ...REDIS } as Record<string, unknown>, {
      get: (target, name: string) => {
        read.add(name);
        return target[name];
      },
    });
    parseConfig(env);
    read.delete('DESCRIPTORS');
    expect([...read].sort()).toEqual([...VARIABLES].sort());
  });
});
