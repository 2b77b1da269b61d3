import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRedis } from './support/redis.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const ALICE = basic('alice', 'a');
const BOB = basic('bob', 'b');

/** Two Workers, each a process of its own, on one Redis. The simulated KV cannot be shared by two processes. */
describeWith(['docker-registry', 'redis-server'], 'an answer that is held back over a delete', () => {
  let proxy: CountingProxy;
  let one: Edge;
  let other: Edge;
  beforeAll(async () => {
    const registry = await startRegistry();
    proxy = await startCountingProxy(registry.url);
    const redis = await startRedis();
    one = await startEdge({ origin: proxy.url, backend: 'redis', redis });
    other = await startEdge({ origin: proxy.url, backend: 'redis', redis });
  });

  test('the next HEAD is a 404, through either Worker, whenever the write-back comes', async () => {
    const blob = makeBlob('held', 2_000);
    const path = `/v2/team/held/blobs/${blob.digest}`;
    expect((await upload(one.url, 'team/held', blob)).status).toBe(201);
    // Both work on one store: what the one confirmed, the other serves.
    expect((await head(one.url + path, BOB)).status).toBe(200);
    await until('a hit through the other Worker', async () => {
      return (await head(other.url + path, BOB)).headers['cache-status']?.includes('; hit;');
    });

    const held = proxy.holdNext('HEAD', path);
    const late = head(one.url + path, ALICE);
    await held.answered;
    expect((await request('DELETE', other.url + path, { headers: BOB })).status).toBe(202);
    held.release();
    expect((await late).status).toBe(200);
    for (const afterMs of [0, 300, 6_000]) {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      for (const edge of [one, other]) {
        for (const caller of [ALICE, BOB]) expect((await head(edge.url + path, caller)).status).toBe(404);
      }
    }
  });
});
