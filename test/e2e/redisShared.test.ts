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
/** Callers who are told apart, so that neither waits for the other's question. The registry asks for no login. */
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

  /** What the registry has written, and whether any of it expires. */
  async function registrysContent() {
    const content = { ...(await contentOf(client, 'repository::*::blobs*')), ...(await contentOf(client, 'blobs::*')) };
    const ttls = await Promise.all(Object.keys(content).map((key) => client.ttl(key)));
    return { content, expiring: ttls.filter((ttl) => ttl !== -1).length };
  }

  /** A blob that the registry has, in `team/app` and other repositories; nothing passed through the edge. */
  async function stored(seed: string, ...others: string[]): Promise<Blob> {
    const blob = makeBlob(`shared ${seed}`, 3_210);
    for (const name of ['team/app', ...others]) expect((await upload(registry.url, name, blob)).status).toBe(201);
    return blob;
  }

  /** A blob that the edge answers from the cache. */
  async function warm(seed: string, ...others: string[]): Promise<Blob> {
    const blob = await stored(seed, ...others);
    await head(edge.url + pathOf(blob.digest), ALICE);
    await until('a hit', async () => {
      return (await head(edge.url + pathOf(blob.digest), ALICE)).headers['cache-status'] === HIT;
    });
    return blob;
  }

  async function statuses(path: string): Promise<number[]> {
    return [(await head(edge.url + path, ALICE)).status, (await head(registry.url + path)).status];
  }

  async function isGone(digest: string): Promise<void> {
    expect(await statuses(pathOf(digest))).toEqual([404, 404]);
    expect(await statuses(pathOf(digest))).toEqual([404, 404]);
    expect(await isStored(registry, 'team/app', digest)).toBe(false);
  }

  test('HEAD: what only the registry wrote is asked for once, then a hit with its size and media type', async () => {
    await warm('gives the caller a grant');
    const { digest, bytes } = await stored('written by the registry');
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

  test("HEADs change none of the registry's keys and let none expire; the edge's own does", async () => {
    const { digest } = await stored('untouched');
    const before = await registrysContent();
    expect(before.content).toMatchObject({ [`blobs::${digest}`]: { digest, size: '3210' } });

    await head(edge.url + pathOf(digest), ALICE);
    await until('the confirmation is written', async () => (await client.exists(ownKey(digest))) === 1);
    expect((await head(edge.url + pathOf(digest), ALICE)).headers['cache-status']).toBe(HIT);

    expect(await registrysContent()).toEqual(before);
    expect(before.expiring).toBe(0);
    expect(await client.ttl(ownKey(digest))).toBeGreaterThan(0);
  });

  test('DELETE at the registry: the next HEAD through the edge is a 404', async () => {
    const { digest } = await warm('deleted at the registry');

    expect((await request('DELETE', registry.url + pathOf(digest))).status).toBe(202);

    await isGone(digest);
  });

  test('DELETE through the edge: gone there and at the registry, and another repository keeps it', async () => {
    const { digest } = await warm('deleted through the edge', 'team/other');

    expect((await request('DELETE', edge.url + pathOf(digest), { headers: ALICE })).status).toBe(202);

    await isGone(digest);
    expect(await statuses(pathOf(digest, 'team/other'))).toEqual([200, 200]);
    expect((await registrysContent()).expiring).toBe(0);
  });

  test.for(['registry', 'edge'] as const)(
    'DELETE at the %s while a HEAD of it is held: its late write-back revives nothing, nor does another repository',
    async (where) => {
      const { digest, bytes } = await stored(`late ${where}`);
      await warm(`gives the caller a grant to delete ${where}`);
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
      await isGone(digest);

      expect((await upload(registry.url, 'team/other', { digest, bytes })).status).toBe(201);
      expect((await head(registry.url + pathOf(digest, 'team/other'))).status).toBe(200);
      await isGone(digest);
    },
  );

  test('HEAD of an entry that was cleared by half: 404, the clearing is finished, and no write revives it', async () => {
    const blob = await warm('half-cleared', 'team/other');
    const path = pathOf(blob.digest);
    expect((await request('DELETE', registry.url + path)).status).toBe(202);
    // What a registry before 3.1 leaves.
    await client.sAdd('repository::team/app::blobs', blob.digest);
    await client.hSet(`repository::team/app::blobs::${blob.digest}`, { mediatype: 'application/octet-stream' });
    await client.del(`blobs::${blob.digest}`);

    expect((await head(edge.url + path, ALICE)).status).toBe(404);

    await until('the clearing is finished', async () => {
      return (await client.sIsMember('repository::team/app::blobs', blob.digest)) === 0;
    });
    expect((await upload(registry.url, 'team/other', blob)).status).toBe(201);
    await isGone(blob.digest);
  });

  test('a blob that comes back, by an upload or a mount at the registry: 200 at once', async () => {
    const blob = await warm('comes back', 'team/other');
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
