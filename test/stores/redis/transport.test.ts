import { Redis } from '@upstash/redis/cloudflare';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import { CacheFault } from '../../../src/stores/faults.ts';
import { CLOCK_SKEW_MS } from '../../../src/stores/tombstone.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { ADDRESS, NO_REDIS } from '../../support/redisStore.ts';
import { ctx, digest, facing, VERBS } from '../../support/redisWire.ts';
import type { Script } from '../../support/scripted.ts';
import { HOUR_MS, openRedis } from '../../support/stores.ts';

describe.each(VERBS)('createRedisDescriptors: %s over a bad connection', (_verb, call) => {
  it.each<[string, Script]>([
    ['a server that closes the connection', { instead: 'close' }],
    ['a 500', { status: 500, body: '{"error":"ERR"}' }],
    ['a 401', { status: 401, body: '{"error":"Unauthorized"}' }],
    ['a 429 without JSON', { status: 429, body: 'slow down' }],
    ['HTML', { headers: { 'content-type': 'text/html' }, body: '<!doctype html><p>sign in' }],
    ['truncated JSON', { body: '[{"result":0},{"resu' }],
    ['an empty body', { body: '' }],
    ['an object', { body: '{"result":null}' }],
    ['an error in one command', { body: '[{"result":0},{"error":"WRONGTYPE"},{"result":0}]' }],
  ])('sends one request, and reports %s as a fault', async (_what, script) => {
    const { scoped, calls } = facing(script);
    await expect(call(scoped)).rejects.toBeInstanceOf(CacheFault);
    expect(await calls()).toHaveLength(1);
  });
});

describe('createRedisDescriptors: a slow connection', () => {
  it.each<[string, Script]>([
    ['a server that does not answer', { instead: 'silence' }],
    ['a body that does not arrive', { bodyWaitMs: 4_000, body: '[]' }],
  ])('reports %s as a fault of every verb, after about 1 s', async (_what, script) => {
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
  const forwarding = () => facing({ forward: url, headers: { 'upstash-sync-token': 'abc' } }, token);

  it('sends one request for each verb, without telemetry', async () => {
    const { scoped, calls } = forwarding();
    for (const [, call] of VERBS) await call(scoped);
    const sent = await calls();
    expect(sent.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /pipeline',
      'POST /multi-exec',
      'POST /',
    ]);
    const unwanted = sent.flatMap(({ headers }) => Object.keys(headers)).filter((name) => /telemetry/.test(name));
    expect(unwanted).toEqual([]);
  });

  it('tells the database what it must have seen, so that an isolate reads its own writes from a replica', async () => {
    const { scoped, calls } = forwarding();
    for (const [, call] of VERBS) await call(scoped);
    expect((await calls()).map(({ headers }) => headers['upstash-sync-token'])).toEqual(['', 'abc', 'abc']);
  });

  it('sends concurrent stats in separate requests', async () => {
    const { scoped, calls } = forwarding();
    await Promise.all([scoped.stat(ctx, digest), scoped.stat(ctx, digest)]);
    expect((await calls()).map(({ path }) => path)).toEqual(['/pipeline', '/pipeline']);
  });

  it('lets every key live for the retention plus CLOCK_SKEW_MS, and clears membership at once', async () => {
    const direct = new Redis({ url, token, automaticDeserialization: false });
    const name = parseRepositoryName(uniqueName());
    const { descriptors: provider } = openRedis();
    const members = `repository::${name}::blobs`;
    const blob = uniqueDigest();
    const livesLongEnough = async (key: string) =>
      (await direct.ttl(key)) > (HOUR_MS + CLOCK_SKEW_MS) / 1000 - 3 ? key : `${key} ends too soon`;
    const scoped = provider.repositoryScoped(name, 'blobs');
    await scoped.setDescriptor(ctx, blob, entryFor(blob, ctx.now()));
    for (const key of [`blobs::${blob}`, `${members}::${blob}`]) expect(await livesLongEnough(key)).toBe(key);
    expect(await direct.sismember(members, blob)).toBe(1);
    // The life of a tombstone begins with the clear, even if the hash exists already and would expire sooner.
    await direct.expire(`${members}::${blob}`, 100);
    await scoped.clear(ctx, blob);
    expect(await direct.sismember(members, blob)).toBe(0);
    expect(await livesLongEnough(`${members}::${blob}`)).toBe(`${members}::${blob}`);
    expect(await direct.hmget(`${members}::${blob}`, 'mediatype', 'verified', 'open')).toEqual([null, null, null]);
  });
});
