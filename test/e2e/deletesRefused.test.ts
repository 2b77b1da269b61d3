import { beforeAll, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import type { EdgeOptions } from './support/edge.ts';
import { ask, HIT, warm } from './support/hits.ts';
import { basic, request } from './support/http.ts';
import { type RedisStore, startRedis } from './support/redis.ts';
import { type Chain, startChain } from './support/setups.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

/** Only for a caller with a credential does the edge write a tombstone before it passes the DELETE on. */
const DELETER = { headers: basic('deleter', 'secret') };
const NAME = 'team/app';
const CONTENT = image('kept');
const TAG = { what: 'a tag', path: `/v2/${NAME}/manifests/v1` };
const BLOB = { what: 'a blob', path: `/v2/${NAME}/blobs/${CONTENT.blobs[1]?.digest}` };
const MANIFEST = { what: 'a manifest', path: `/v2/${NAME}/manifests/${CONTENT.manifest.digest}` };
/** In an order in which all of them can be deleted. */
const CASES = [TAG, BLOB, MANIFEST];

/** Starts an edge that has the image in its cache, in front of a registry that deletes blobs, manifests and tags. */
async function startWarm(options: Omit<EdgeOptions, 'origin'>): Promise<Chain> {
  const chain = await startChain(options, { kind: 'registry' });
  await publish(chain.origin.url, NAME, CONTENT, 'v1');
  await warm(chain.edge, [BLOB.path, MANIFEST.path]);
  return chain;
}

describeWith(['registry'], 'DELETE_ENABLED=false', () => {
  let chain: Chain;
  beforeAll(async () => {
    chain = await startWarm({ backend: 'durable', variables: { DELETE_ENABLED: 'false' } });
  });

  test.for(CASES)(
    'DELETE of $what: 405 UNSUPPORTED, the origin receives nothing, nothing is evicted',
    async ({ path }) => {
      const { origin, proxy, edge } = chain;
      const before = proxy.requests.length;

      const { status, headers, body } = await request('DELETE', edge.url + path);

      expect([status, headers['content-type']]).toEqual([405, 'application/json']);
      expect(JSON.parse(body.toString()).errors[0].code).toBe('UNSUPPORTED');
      for (const cached of [BLOB, MANIFEST]) expect(await ask(edge.url + cached.path)).toEqual(HIT);
      expect(proxy.requests.slice(before)).toEqual([]);
      expect((await ask(origin.url + path)).status).toBe(200);
    },
  );
});

describeWith(['redis-server', 'registry'], 'BLOBDESCRIPTOR=redis, the redis-server is killed', () => {
  let redis: RedisStore;
  let chain: Chain;
  beforeAll(async () => {
    redis = await startRedis();
    chain = await startWarm({ backend: 'redis', redis });
    await redis.kill();
  });

  test.for(CASES)('DELETE of $what: 503, and the origin receives nothing but a HEAD', async ({ path }) => {
    const { origin, proxy, edge } = chain;
    const before = proxy.requests.length;

    const { status, body } = await request('DELETE', edge.url + path, DELETER);

    expect(status).toBe(503);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNAVAILABLE');
    expect(proxy.requests.slice(before)).toEqual([`HEAD ${path}`]);
    expect((await ask(origin.url + path)).status).toBe(200);
  });

  test('once Redis is back, each can be deleted', async () => {
    const { origin, edge } = chain;
    await redis.start();
    for (const { path } of CASES) {
      const status = await until(`a DELETE of ${path} is answered`, async () => {
        const answer = await request('DELETE', edge.url + path, DELETER);
        return answer.status !== 503 && answer.status;
      });
      expect([path, status]).toEqual([path, 202]);
      for (const { url } of [edge, origin])
        expect([url, path, (await ask(url + path)).status]).toEqual([url, path, 404]);
    }
  });
});
