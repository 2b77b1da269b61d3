import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { warm } from './support/hits.ts';
import { basic, head, request } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { startRedis } from './support/redis.ts';
import { startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';

const ALICE = basic('alice', 'a');
const BOB = basic('bob', 'b');

/** Two Workers, each a process of its own, on one Redis. */
describeWith(['docker-registry', 'redis-server'], 'an answer of the origin that arrives after a delete', () => {
  let proxy: CountingProxy;
  let first: Edge;
  let other: Edge;
  beforeAll(async () => {
    const registry = await startRegistry();
    proxy = await startCountingProxy(registry.url);
    const redis = await startRedis();
    first = await startEdge({ origin: proxy.url, backend: 'redis', redis });
    other = await startEdge({ origin: proxy.url, backend: 'redis', redis });
  });

  test('every later HEAD is a 404 through either Worker, also after the write-back', async () => {
    const blob = makeBlob('held', 2_000);
    const path = `/v2/team/held/blobs/${blob.digest}`;
    expect((await upload(first.url, 'team/held', blob)).status).toBe(201);
    // Both use one store: the other Worker answers from the cache what the first one confirmed.
    expect((await head(first.url + path, BOB)).status).toBe(200);
    await warm(other, [path], BOB);

    const held = proxy.holdNext('HEAD', path);
    const late = head(first.url + path, ALICE);
    await held.answered;
    expect((await request('DELETE', other.url + path, { headers: BOB })).status).toBe(202);
    held.release();
    expect((await late).status).toBe(200);
    for (const afterMs of [0, 300, 6_000]) {
      await new Promise((resolve) => setTimeout(resolve, afterMs));
      for (const edge of [first, other]) {
        for (const caller of [ALICE, BOB]) expect((await head(edge.url + path, caller)).status).toBe(404);
      }
    }
  });
});
