import { beforeAll, expect, test } from 'vitest';
import { image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { ask, HIT, warm } from './support/hits.ts';
import { basic, request } from './support/http.ts';
import { type CountingProxy, startCountingProxy } from './support/proxy.ts';
import { type RedisStore, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

/** Who shows no credential is not taken for one who may delete until the origin has let such a caller. */
const DELETER = { headers: basic('deleter', 'secret') };
const NAME = 'team/app';
const CONTENT = image('kept');
const TAG = { what: 'a tag', path: `/v2/${NAME}/manifests/v1` };
const BLOB = { what: 'a blob', path: `/v2/${NAME}/blobs/${CONTENT.blobs[1]?.digest}` };
const MANIFEST = { what: 'a manifest', path: `/v2/${NAME}/manifests/${CONTENT.manifest.digest}` };
/** In an order in which each can be deleted. */
const CASES = [TAG, BLOB, MANIFEST];

interface Chain {
  readonly origin: Registry;
  readonly proxy: CountingProxy;
  readonly edge: Edge;
}

/** An edge that knows the image, in front of a registry that deletes all that there is. */
async function start(options: { backend: 'kv' | 'redis'; redis?: RedisStore; variables?: Record<string, string> }) {
  const origin = await startRegistry({ kind: 'registry' });
  const proxy = await startCountingProxy(origin.url);
  const edge = await startEdge({ origin: proxy.url, ...options });
  await publish(origin.url, NAME, CONTENT, 'v1');
  await warm(edge, [BLOB.path, MANIFEST.path]);
  return { origin, proxy, edge };
}

describeWith(['registry'], 'DELETE_ENABLED=false', () => {
  let chain: Chain;
  beforeAll(async () => {
    chain = await start({ backend: 'kv', variables: { DELETE_ENABLED: 'false' } });
  });

  test.for(CASES)(
    'DELETE of $what: 405 UNSUPPORTED, the origin hears nothing, nothing is forgotten',
    async ({ path }) => {
      const { origin, proxy, edge } = chain;
      const before = proxy.requests.length;

      const { status, headers, body } = await request('DELETE', edge.url + path);

      expect([status, headers['content-type']]).toEqual([405, 'application/json']);
      expect(JSON.parse(body.toString()).errors[0].code).toBe('UNSUPPORTED');
      for (const warmed of [BLOB, MANIFEST]) expect(await ask(edge.url + warmed.path)).toEqual(HIT);
      expect(proxy.requests.slice(before)).toEqual([]);
      expect((await ask(origin.url + path)).status).toBe(200);
    },
  );
});

describeWith(['redis-server', 'registry'], 'BLOBDESCRIPTOR=redis: the redis-server was killed', () => {
  let redis: RedisStore;
  let chain: Chain;
  beforeAll(async () => {
    redis = await startRedis();
    chain = await start({ backend: 'redis', redis });
    await redis.kill();
  });

  test.for(CASES)('DELETE of $what: 503, and the origin was asked for it only', async ({ path }) => {
    const { origin, proxy, edge } = chain;
    const before = proxy.requests.length;

    const { status, body } = await request('DELETE', edge.url + path, DELETER);

    expect(status).toBe(503);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNAVAILABLE');
    expect(proxy.requests.slice(before)).toEqual([`HEAD ${path}`]);
    expect((await ask(origin.url + path)).status).toBe(200);
  });

  test('once it is back, each can be deleted', async () => {
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
