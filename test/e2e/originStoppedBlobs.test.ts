import { beforeAll, expect, test } from 'vitest';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeBackends } from './support/tools.ts';

describeBackends(['docker-registry', 'skopeo'], 'an origin that is stopped', (backend) => {
  let origin: Registry;
  let edge: Edge;
  let image: Image;
  let warm: string;
  let cold: string;
  beforeAll(async () => {
    origin = await startRegistry();
    edge = await startEdge({ origin: origin.url, backend });
    image = await makeImage(`down ${backend}`);
    await expectPush(image, `${origin.host}/app:v1`);
    warm = `${edge.url}/v2/app/blobs/${image.layers[0].digest}`;
    cold = `${edge.url}/v2/app/blobs/${image.config.digest}`;
    expect((await head(warm)).status).toBe(200);
    await origin.stop();
  });

  test('HEAD of a warm blob by a caller with a grant: 200 from the cache', async () => {
    const { status, headers } = await head(warm);
    expect([status, headers['content-length']]).toEqual([200, String(image.layers[0].bytes.length)]);
    expect(headers['cache-status']).toContain('; hit;');
  });

  test('HEAD of a warm blob by another caller: 502', async () => {
    const { status, headers } = await head(warm, { authorization: 'Bearer other' });
    expect([status, headers['cache-status']]).toEqual([502, undefined]);
  });

  test('HEAD of a cold blob: 502 without a body', async () => {
    const { status, body } = await head(cold);
    expect([status, body.length]).toEqual([502, 0]);
  });

  test('GET of a cold blob: 502 with OCI JSON', async () => {
    const { status, headers, body } = await request('GET', cold);
    expect([status, headers['content-type']]).toEqual([502, 'application/json']);
    expect(JSON.parse(body.toString())).toEqual({ errors: [{ code: 'UNAVAILABLE', message: expect.any(String) }] });
  });

  test('HEAD of the cold blob once the origin is back: 200, since the failure is not cached', async () => {
    await origin.start();
    const { status, headers } = await head(cold);
    expect([status, headers['content-length']]).toEqual([200, String(image.config.bytes.length)]);
    expect((await request('GET', cold)).body).toEqual(image.config.bytes);
  });
});
