import { beforeAll, expect, test } from 'vitest';
import { isStored, mount, upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type Connection, connect, contentOf, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const HIT = 'registry-edge; hit; detail=redis';
/** Different callers share no flight, so neither waits for the other. The registry requires no login. */
const ALICE = basic('alice', 'a');
const BOB = basic('bob', 'b');

describeWith(['registry', 'redis-server'], 'REDIS_SHARED=true: one Redis for the edge and a registry 3.1', () => {
  let registry: Registry;
  let proxy: CountingProxy;
  let edge: Edge;
  let client: Connection;
  beforeAll(async () => {
    const redis = await startRedis();
    client = await connect(redis);
    registry = await startRegistry({ kind: 'registry', redis });
    proxy = await startCountingProxy(registry.url);
    edge = await startEdge({ origin: proxy.url, backend: 'redis', redis, variables: { REDIS_SHARED: 'true' } });
  });

  const pathOf = (digest: string, name = 'team/app') => `/v2/${name}/blobs/${digest}`;
  const ownKey = (digest: string) => `registry-edge::team/app::blobs::${digest}`;

  /** The registry's keys, and how many of them expire. */
  async function registryKeys() {
    const content = { ...(await contentOf(client, 'repository::*::blobs*')), ...(await contentOf(client, 'blobs::*')) };
    const ttls = await Promise.all(Object.keys(content).map((key) => client.ttl(key)));
    return { content, expiring: ttls.filter((ttl) => ttl !== -1).length };
  }

  /** Uploads a blob to the registry, not through the edge, in `team/app` and in other repositories. */
  async function storeBlob(seed: string, ...others: string[]): Promise<Blob> {
    const blob = makeBlob(`shared ${seed}`, 3_210);
    for (const name of ['team/app', ...others]) expect((await upload(registry.url, name, blob)).status).toBe(201);
    return blob;
  }

  /** Uploads a blob to the registry, and has the edge cache it. */
  async function storeWarmBlob(seed: string, ...others: string[]): Promise<Blob> {
    const blob = await storeBlob(seed, ...others);
    await head(edge.url + pathOf(blob.digest), ALICE);
    await until('the edge answers from the cache', async () => {
      return (await head(edge.url + pathOf(blob.digest), ALICE)).headers['cache-status'] === HIT;
    });
    return blob;
  }

  /** @returns the edge's status, then the registry's */
  async function statuses(path: string): Promise<number[]> {
    return [(await head(edge.url + path, ALICE)).status, (await head(registry.url + path)).status];
  }

  async function expectGone(digest: string): Promise<void> {
    expect(await statuses(pathOf(digest))).toEqual([404, 404]);
    expect(await statuses(pathOf(digest))).toEqual([404, 404]);
    expect(await isStored(registry, 'team/app', digest)).toBe(false);
  }

  test('HEAD of a blob that only the registry wrote: asked once, then a hit with its size and media type', async () => {
    await storeWarmBlob('gives the caller a grant');
    const { digest, bytes } = await storeBlob('written by the registry');
    const path = pathOf(digest);
    expect(await client.sIsMember('repository::team/app::blobs', digest)).toBe(1);

    const first = await head(edge.url + path, ALICE);
    await until('the confirmation is written', async () => (await client.exists(ownKey(digest))) === 1);
    const second = await head(edge.url + path, ALICE);

    expect(first.headers['cache-status']).toBe('registry-edge; fwd=stale; stored; detail=push');
    expect(second.headers['cache-status']).toBe(HIT);
    expect(proxy.count('HEAD', path)).toBe(1);
    const direct = await head(registry.url + path);
    expect(direct.headers['content-length']).toBe(String(bytes.length));
    for (const name of ['content-length', 'content-type', 'docker-content-digest', 'etag']) {
      expect([name, second.headers[name]]).toEqual([name, direct.headers[name]]);
    }
  });

  test("HEADs change none of the registry's keys; only the edge's own key expires", async () => {
    const { digest } = await storeBlob('untouched');
    const before = await registryKeys();
    expect(before.content).toMatchObject({ [`blobs::${digest}`]: { digest, size: '3210' } });

    await head(edge.url + pathOf(digest), ALICE);
    await until('the confirmation is written', async () => (await client.exists(ownKey(digest))) === 1);
    expect((await head(edge.url + pathOf(digest), ALICE)).headers['cache-status']).toBe(HIT);

    expect(await registryKeys()).toEqual(before);
    expect(before.expiring).toBe(0);
    expect(await client.ttl(ownKey(digest))).toBeGreaterThan(0);
  });

  test('DELETE at the registry: the next HEAD through the edge is a 404', async () => {
    const { digest } = await storeWarmBlob('deleted at the registry');

    expect((await request('DELETE', registry.url + pathOf(digest))).status).toBe(202);

    await expectGone(digest);
  });

  test('DELETE through the edge: 404 there and at the registry, and another repository keeps the blob', async () => {
    const { digest } = await storeWarmBlob('deleted through the edge', 'team/other');

    expect((await request('DELETE', edge.url + pathOf(digest), { headers: ALICE })).status).toBe(202);

    await expectGone(digest);
    expect(await statuses(pathOf(digest, 'team/other'))).toEqual([200, 200]);
    expect((await registryKeys()).expiring).toBe(0);
  });

  test.for(['registry', 'edge'] as const)(
    'DELETE at the %s during a HEAD: neither the late write-back nor another repository revives the blob',
    async (where) => {
      const { digest, bytes } = await storeBlob(`late ${where}`);
      await storeWarmBlob(`gives the caller a grant to delete ${where}`);
      const path = pathOf(digest);
      const held = proxy.holdNext('HEAD', path);
      const late = head(edge.url + path, BOB);
      await held.answered;
      const url = where === 'edge' ? edge.url : registry.url;
      expect((await request('DELETE', url + path, { headers: ALICE })).status).toBe(202);

      held.release();
      const answer = await late;
      expect(answer.status).toBe(200);
      expect(answer.headers['cache-status']).toContain('; stored');
      await until('the write-back is done', async () => (await client.hExists(ownKey(digest), 'verified')) === 1);
      await expectGone(digest);

      expect((await upload(registry.url, 'team/other', { digest, bytes })).status).toBe(201);
      expect((await head(registry.url + pathOf(digest, 'team/other'))).status).toBe(200);
      await expectGone(digest);
    },
  );

  test('HEAD of a half-cleared entry: 404, the edge clears the rest, and no write revives it', async () => {
    const blob = await storeWarmBlob('half-cleared', 'team/other');
    const path = pathOf(blob.digest);
    expect((await request('DELETE', registry.url + path)).status).toBe(202);
    // These keys are what a registry before 3.1 leaves.
    await client.sAdd('repository::team/app::blobs', blob.digest);
    await client.hSet(`repository::team/app::blobs::${blob.digest}`, { mediatype: 'application/octet-stream' });
    await client.del(`blobs::${blob.digest}`);

    expect((await head(edge.url + path, ALICE)).status).toBe(404);

    await until('the edge has cleared the rest', async () => {
      return (await client.sIsMember('repository::team/app::blobs', blob.digest)) === 0;
    });
    expect((await upload(registry.url, 'team/other', blob)).status).toBe(201);
    await expectGone(blob.digest);
  });

  test('a deleted blob that is uploaded or mounted again at the registry: 200 at once', async () => {
    const blob = await storeWarmBlob('comes back', 'team/other');
    const path = pathOf(blob.digest);
    for (const url of [registry.url, edge.url]) {
      expect((await request('DELETE', url + path, { headers: ALICE })).status).toBe(202);
      expect(await statuses(path)).toEqual([404, 404]);
      expect((await upload(registry.url, 'team/app', blob)).status).toBe(201);
      expect(await statuses(path)).toEqual([200, 200]);

      expect((await request('DELETE', url + path, { headers: ALICE })).status).toBe(202);
      expect(await statuses(path)).toEqual([404, 404]);
      expect((await mount(registry.url, 'team/app', 'team/other', blob.digest)).status).toBe(201);
      expect(await statuses(path)).toEqual([200, 200]);
    }
  });
});
