import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { connect, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPull, expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const TOOLS = ['docker-registry', 'redis-server', 'skopeo'] as const;

describeWith(TOOLS, 'BLOBDESCRIPTOR=redis: the keys in Redis', () => {
  test('after one HEAD: exactly the three keys of distribution, each with a TTL', async () => {
    const origin = await startRegistry();
    const redis = await startRedis();
    const edge = await startEdge({ origin: origin.url, backend: 'redis', redis });
    const client = await connect(redis);
    const image = await makeImage('layout');
    const { digest, bytes } = image.layers[0];
    await expectPush(image, `${origin.host}/team/app:v1`);
    const before = Date.now();

    const { headers } = await head(`${edge.url}/v2/team/app/blobs/${digest}`);

    // The write-back follows the answer.
    await until('the write-back is done', async () => (await client.exists('repository::team/app::blobs')) === 1);
    const scoped = `repository::team/app::blobs::${digest}`;
    expect((await client.keys('*')).sort()).toEqual([`blobs::${digest}`, 'repository::team/app::blobs', scoped].sort());
    expect(await client.sMembers('repository::team/app::blobs')).toEqual([digest]);
    const mediatype = headers['content-type'];
    expect({ ...(await client.hGetAll(`blobs::${digest}`)) }).toEqual({
      digest,
      size: String(bytes.length),
      mediatype,
    });
    const { verified, ...override } = await client.hGetAll(scoped);
    expect(override).toEqual({ mediatype });
    expect(Number(verified)).toBeGreaterThanOrEqual(before);
    expect(Number(verified)).toBeLessThanOrEqual(Date.now());
    for (const key of await client.keys('*')) expect(await client.ttl(key)).toBeGreaterThan(0);
  });
});

describeWith(TOOLS, 'BLOBDESCRIPTOR=redis, the redis-server is killed', () => {
  let origin: Registry;
  let edge: Edge;
  let image: Image;
  beforeAll(async () => {
    origin = await startRegistry();
    const redis = await startRedis();
    // Without the memory in front, every read goes to Redis.
    edge = await startEdge({ origin: origin.url, backend: 'redis', redis, variables: { MEMORY_TTL: '0' } });
    image = await makeImage('redis is killed');
    await expectPush(image, `${edge.host}/team/app:v1`);
    await head(`${edge.url}/v2/team/app/blobs/${image.config.digest}`);
    const warm = await head(`${edge.url}/v2/team/app/blobs/${image.config.digest}`);
    expect(warm.headers['cache-status']).toBe('registry-edge; hit; detail=redis');
    await redis.kill();
  });

  test('HEAD of a blob: the origin answers, with 200 or 404', async () => {
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      const { status, headers } = await head(`${edge.url}/v2/team/app/blobs/${digest}`);
      expect([status, headers['content-length']]).toEqual([200, String(bytes.length)]);
      expect(headers['cache-status']).toBe('registry-edge; fwd=bypass; detail=fault');
    }
    const absent = `sha256:${'0'.repeat(64)}`;
    expect((await head(`${edge.url}/v2/team/app/blobs/${absent}`)).status).toBe(404);
  });

  test('skopeo pull succeeds with the same bytes', async () => {
    await expectPull(`${edge.host}/team/app:v1`, image);
  });

  test('skopeo push of another image succeeds, and the origin has it', async () => {
    const other = await makeImage('pushed without redis');
    await expectPush(other, `${edge.host}/team/app:v2`);
    await expectPull(`${origin.host}/team/app:v2`, other);
  });

  test('DELETE of a blob: 503 with OCI JSON, and the origin still has it', async () => {
    const path = `/v2/team/app/blobs/${image.layers[0].digest}`;
    // Only for a caller with a credential does the edge write a tombstone before it passes the DELETE on.
    const headers = basic('deleter', 'secret');
    const { status, body } = await request('DELETE', edge.url + path, { headers });
    expect(status).toBe(503);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNAVAILABLE');
    expect((await head(origin.url + path)).status).toBe(200);
  });
});
