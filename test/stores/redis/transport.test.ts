import { Redis } from '@upstash/redis/cloudflare';
import { describe, expect, it } from 'vitest';
import { createProvider } from '../../../src/cache/descriptors.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { createRedis } from '../../../src/stores/redis/client.ts';
import { createRedisDescriptors } from '../../../src/stores/redis/descriptors.ts';
import { CLOCK_SKEW_MS } from '../../../src/stores/tombstone.ts';
import { entryFor, someDigest, someName } from '../../support/digests.ts';
import { ADDRESS, NO_REDIS } from '../../support/redisStore.ts';
import { ctx, digest, facing, HOUR_MS, VERBS } from '../../support/redisWire.ts';
import type { Script } from '../../support/scripted.ts';

describe.each(VERBS)('createRedisDescriptors: %s over a bad wire', (_verb, call) => {
  it.each<[string, Script]>([
    ['a server that closes the connection', { instead: 'close' }],
    ['a 500', { status: 500, body: '{"error":"ERR"}' }],
    ['a 401', { status: 401, body: '{"error":"Unauthorized"}' }],
    ['a 429 without JSON', { status: 429, body: 'slow down' }],
    ['HTML', { headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>sign in' }],
    ['JSON that was cut off', { body: '[{"result":0},{"resu' }],
    ['nothing at all', { body: '' }],
    ['an object', { body: '{"result":null}' }],
    ['an error in one command', { body: '[{"result":0},{"error":"WRONGTYPE"},{"result":0}]' }],
  ])('asks once, and takes %s for a fault', async (_what, script) => {
    const { scoped, calls } = facing(script);
    await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    expect(await calls()).toHaveLength(1);
  });
});

describe('createRedisDescriptors: a slow wire', () => {
  it.each<[string, Script]>([
    ['a server that says nothing', { instead: 'silence' }],
    ['a body that does not come', { bodyWaitMs: 4_000, body: '[]' }],
  ])('takes %s for a fault of every verb, after about 1 s', async (_what, script) => {
    const waits = VERBS.map(async ([, call]) => {
      const since = performance.now();
      await expect(call(facing(script).scoped)).rejects.toBeInstanceOf(CacheFault);
      return performance.now() - since;
    });
    for (const waited of await Promise.all(waits)) {
      expect(waited).toBeGreaterThan(800);
      expect(waited).toBeLessThan(2_500);
    }
  });
});

describe.skipIf(NO_REDIS)('createRedisDescriptors: requests', () => {
  const { url, token } = ADDRESS;
  // A server that knows sync tokens: a client that reads its own writes would send one back.
  const forwarding = () => facing({ forward: url, headers: { 'upstash-sync-token': 'abc' } }, token);

  it('makes one request of each verb, and tells nobody about us', async () => {
    const { scoped, calls } = forwarding();
    for (const [, call] of VERBS) await call(scoped);
    const made = await calls();
    expect(made.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /pipeline',
      'POST /multi-exec',
      'POST /',
    ]);
    const telling = made.flatMap(({ headers }) => Object.keys(headers)).filter((name) => /telemetry|sync/.test(name));
    expect(telling).toEqual([]);
  });

  it('shares no request between two that ask at the same time', async () => {
    const { scoped, calls } = forwarding();
    await Promise.all([scoped.stat(ctx, digest), scoped.stat(ctx, digest)]);
    expect((await calls()).map(({ path }) => path)).toEqual(['/pipeline', '/pipeline']);
  });

  it('lets every key live until no clock could find it of use, and clears membership at once', async () => {
    const direct = new Redis({ url, token, automaticDeserialization: false });
    const name = parseRepositoryName(someName());
    const provider = createProvider(
      createRedisDescriptors(createRedis(ADDRESS), { retentionMs: HOUR_MS, isOpen: false }),
    );
    const members = `repository::${name}::blobs`;
    const blob = someDigest();
    const isAsLongAsSkew = async (key: string) =>
      (await direct.ttl(key)) > (HOUR_MS + CLOCK_SKEW_MS) / 1000 - 3 ? key : `${key} ends too soon`;
    const scoped = provider.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, blob, entryFor(blob, ctx.now()));
    for (const key of [`blobs::${blob}`, `${members}::${blob}`]) expect(await isAsLongAsSkew(key)).toBe(key);
    expect(await direct.sismember(members, blob)).toBe(1);
    // The life of a tombstone begins with the clear: a hash that is there already would end sooner.
    await direct.expire(`${members}::${blob}`, 100);
    await scoped.clear(ctx, blob);
    expect(await direct.sismember(members, blob)).toBe(0);
    expect(await isAsLongAsSkew(`${members}::${blob}`)).toBe(`${members}::${blob}`);
    expect(await direct.hmget(`${members}::${blob}`, 'mediatype', 'verified', 'open')).toEqual([null, null, null]);
  });
});
