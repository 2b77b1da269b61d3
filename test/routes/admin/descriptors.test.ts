import { describe, expect, it } from 'vitest';
import { someDigest } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { pushBlob } from '../../support/push.ts';
import { ADDRESS, NO_REDIS } from '../../support/redisStore.ts';

const TOKEN = 'operators-know-this';
const OPERATOR = { headers: { authorization: `Bearer ${TOKEN}` } };
const HEAD = { method: 'HEAD' };
const inmemory = { BLOBDESCRIPTOR: 'inmemory', ADMIN_TOKEN: TOKEN };
const redis = {
  BLOBDESCRIPTOR: 'redis',
  UPSTASH_REDIS_REST_URL: ADDRESS.url,
  UPSTASH_REDIS_REST_TOKEN: ADDRESS.token,
  ADMIN_TOKEN: TOKEN,
};

const STORES: [string, Record<string, string>][] = [['inmemory', inmemory]];
if (!NO_REDIS) STORES.push(['redis', redis], ['redis of a registry', { ...redis, REDIS_SHARED: 'true' }]);

describe.each(STORES)('/_edge/descriptors/<digest>: %s', (store, variables) => {
  it('GET tells what is known of a digest, DELETE purges it from every repository', async () => {
    const one = await pushBlob();
    const two = await pushBlob(one.bytes);
    const edge = createEdge(variables);
    const path = `/_edge/descriptors/${one.digest}`;
    expect(await (await edge.fetch(path, OPERATOR)).json()).toEqual({
      digest: one.digest,
      blobs: null,
      manifests: null,
    });
    for (const blob of [one, two]) await edge.fetch(blob.path, HEAD);
    const known = { digest: one.digest, size: one.bytes.length, mediaType: 'application/octet-stream' };
    const blobs = store === 'redis of a registry' ? null : known;
    expect(await (await edge.fetch(path, OPERATOR)).json()).toEqual({ digest: one.digest, blobs, manifests: null });

    const purged = await edge.fetch(path, { ...OPERATOR, method: 'DELETE' });
    expect([purged.status, await purged.json()]).toEqual([200, { digest: one.digest, blobs, manifests: null }]);
    for (const blob of [one, two]) expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });
});

describe('/_edge/descriptors/<digest>', () => {
  const path = `/_edge/descriptors/${someDigest()}`;

  it('is a 404 where no ADMIN_TOKEN is set', async () => {
    const response = await createEdge({ BLOBDESCRIPTOR: 'inmemory' }).fetch(path, OPERATOR);
    expect(response.status).toBe(404);
  });

  it.each([undefined, 'Bearer wrong', `Basic ${TOKEN}`, `Bearer ${TOKEN}x`, TOKEN])('is a 401 to %s', async (given) => {
    const headers = given === undefined ? {} : { authorization: given };
    const response = await createEdge(inmemory).fetch(path, { headers });
    expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="registry-edge"']);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
  });

  it.each([
    ['GET', '/_edge/descriptors/sha256:short', 400, 'DIGEST_INVALID'],
    ['POST', path, 405, 'UNSUPPORTED'],
  ])('%s %s is a %i %s', async (method, at, status, code) => {
    const response = await createEdge(inmemory).fetch(at, { ...OPERATOR, method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });

  it('is UNSUPPORTED on KV, which keeps no global records', async () => {
    const response = await createEdge({ ADMIN_TOKEN: TOKEN }).fetch(path, OPERATOR);
    expect(response.status).toBe(405);
  });

  it('is UNAVAILABLE while the store does not answer', async () => {
    const down = { ...redis, UPSTASH_REDIS_REST_URL: 'http://127.0.0.1:1' };
    expect((await createEdge(down).fetch(path, OPERATOR)).status).toBe(503);
    expect((await createEdge(down).fetch(path, { ...OPERATOR, method: 'DELETE' })).status).toBe(503);
  });
});
