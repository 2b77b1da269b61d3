import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { basic, head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { connect, startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { pull, push, SUCCESS } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';
import { pulledTreeOf, treeOf } from './support/tree.ts';
import { until } from './support/until.ts';

const TOOLS = ['docker-registry', 'redis-server', 'skopeo'] as const;

describeWith(TOOLS, 'BLOBDESCRIPTOR=redis: what stands in the Redis', () => {
  test('after one HEAD: exactly the three keys of distribution, each with a TTL', async () => {
    const origin = await startRegistry();
    const redis = await startRedis();
    const edge = await startEdge({ origin: origin.url, backend: 'redis', redis });
    const client = await connect(redis);
    const image = await makeImage('layout');
    const { digest, bytes } = image.layers[0];
    expect(await push(image.source, `${origin.host}/team/app:v1`)).toMatchObject(SUCCESS);
    const before = Date.now();

    const { headers } = await head(`${edge.url}/v2/team/app/blobs/${digest}`);

    // The write-back goes on after the answer.
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

describeWith(TOOLS, 'BLOBDESCRIPTOR=redis: the redis-server was killed', () => {
  let origin: Registry;
  let edge: Edge;
  let image: Image;
  beforeAll(async () => {
    origin = await startRegistry();
    const redis = await startRedis();
    // Without a tier in front of it, every read needs the Redis.
    edge = await startEdge({ origin: origin.url, backend: 'redis', redis, variables: { MEMORY_TTL: '0' } });
    image = await makeImage('redis is gone');
    expect(await push(image.source, `${edge.host}/team/app:v1`)).toMatchObject(SUCCESS);
    await head(`${edge.url}/v2/team/app/blobs/${image.config.digest}`);
    const warm = await head(`${edge.url}/v2/team/app/blobs/${image.config.digest}`);
    expect(warm.headers['cache-status']).toBe('registry-edge; hit; detail=redis');
    await redis.kill();
  });

  test('HEAD of a blob: the origin answers, 200 and 404 rightly', async () => {
    for (const { digest, bytes } of [image.config, ...image.layers]) {
      const { status, headers } = await head(`${edge.url}/v2/team/app/blobs/${digest}`);
      expect([status, headers['content-length']]).toEqual([200, String(bytes.length)]);
      expect(headers['cache-status']).toBe('registry-edge; fwd=bypass; detail=fault');
    }
    const absent = `sha256:${'0'.repeat(64)}`;
    expect((await head(`${edge.url}/v2/team/app/blobs/${absent}`)).status).toBe(404);
  });

  test('skopeo pull: succeeds with the same bytes', async () => {
    const pulled = await pull(`${edge.host}/team/app:v1`);
    expect(pulled).toMatchObject(SUCCESS);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(image));
  });

  test('skopeo push of another image: succeeds, the origin has it', async () => {
    const other = await makeImage('pushed without redis');
    expect(await push(other.source, `${edge.host}/team/app:v2`)).toMatchObject(SUCCESS);
    const pulled = await pull(`${origin.host}/team/app:v2`);
    expect(await treeOf(pulled.folder)).toMatchObject(pulledTreeOf(other));
  });

  test('DELETE of a blob: 503 with OCI JSON, and the origin still has it', async () => {
    const path = `/v2/team/app/blobs/${image.layers[0].digest}`;
    // Who shows no credential is not taken for one who may delete: nothing is written for it beforehand.
    const headers = basic('deleter', 'secret');
    const { status, body } = await request('DELETE', edge.url + path, { headers });
    expect(status).toBe(503);
    expect(JSON.parse(body.toString()).errors[0].code).toBe('UNAVAILABLE');
    expect((await head(origin.url + path)).status).toBe(200);
  });
});
