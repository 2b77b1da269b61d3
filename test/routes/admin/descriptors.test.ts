import { describe, expect, it } from 'vitest';
import { uniqueDigest } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { pushBlob } from '../../support/push.ts';
import { NO_REDIS, REDIS, UNREACHABLE } from '../../support/redisStore.ts';
import { ALL_STORES, STORES } from '../../support/stores.ts';

const GET = { headers: OPERATOR };
const HEAD = { method: 'HEAD' };
const inmemory = { BLOBDESCRIPTOR: 'inmemory', ADMIN_TOKEN };
const ROWS: [store: string, variables: Record<string, string>][] = STORES.filter(
  ({ hasGlobalRecords }) => hasGlobalRecords,
).map(({ name, variables }) => [name, variables]);
if (!NO_REDIS) ROWS.push(['shared redis', { ...REDIS, REDIS_SHARED: 'true' }]);

describe.each(ROWS)('/_edge/descriptors/<digest>, cache in %s', (store, variables) => {
  it('GET shows the global record of a digest, and DELETE purges the digest from every repository', async () => {
    const one = await pushBlob();
    const two = await pushBlob(one.bytes);
    const edge = createEdge({ ...variables, ADMIN_TOKEN });
    const path = `/_edge/descriptors/${one.digest}`;
    expect(await (await edge.fetch(path, GET)).json()).toEqual({
      digest: one.digest,
      blobs: null,
      manifests: null,
    });
    for (const blob of [one, two]) await edge.fetch(blob.path, HEAD);
    const descriptor = { digest: one.digest, size: one.bytes.length, mediaType: 'application/octet-stream' };
    const blobs = store === 'shared redis' ? null : descriptor;
    expect(await (await edge.fetch(path, GET)).json()).toEqual({ digest: one.digest, blobs, manifests: null });

    const purged = await edge.fetch(path, { ...GET, method: 'DELETE' });
    expect([purged.status, await purged.json()]).toEqual([200, { digest: one.digest, blobs, manifests: null }]);
    for (const blob of [one, two]) expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });
});

describe('/_edge/descriptors/<digest>', () => {
  const path = `/_edge/descriptors/${uniqueDigest()}`;

  it('answers 404 without ADMIN_TOKEN', async () => {
    const response = await createEdge({ BLOBDESCRIPTOR: 'inmemory' }).fetch(path, GET);
    expect(response.status).toBe(404);
  });

  it.each([undefined, 'Bearer wrong', `Basic ${ADMIN_TOKEN}`, `Bearer ${ADMIN_TOKEN}x`, ADMIN_TOKEN])(
    'answers 401 to the credential %s',
    async (authorization) => {
      const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
      const response = await createEdge(inmemory).fetch(path, { headers });
      expect([response.status, response.headers.get('www-authenticate')]).toEqual([
        401,
        'Bearer realm="registry-edge"',
      ]);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAUTHORIZED' }] });
    },
  );

  it.each([
    ['GET', '/_edge/descriptors/sha256:short', 400, 'DIGEST_INVALID'],
    ['POST', path, 405, 'UNSUPPORTED'],
  ])('answers %s %s with %i %s', async (method, requested, status, code) => {
    const response = await createEdge(inmemory).fetch(requested, { ...GET, method });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ errors: [{ code }] });
  });

  it.each(STORES.filter((store) => !store.hasGlobalRecords))(
    'is a 404 on $name, which has no global records, and names the stores that have them',
    async ({ variables }) => {
      const response = await createEdge({ ...variables, ADMIN_TOKEN }).fetch(path, GET);
      expect(response.status).toBe(404);
      const { errors } = (await response.json()) as { errors: { message: string }[] };
      for (const { name, hasGlobalRecords } of ALL_STORES) {
        if (hasGlobalRecords) expect(errors[0]?.message).toContain(name);
      }
    },
  );

  it('answers UNAVAILABLE while the store is unreachable', async () => {
    const down = { ...REDIS, ADMIN_TOKEN, UPSTASH_REDIS_REST_URL: UNREACHABLE.url };
    expect((await createEdge(down).fetch(path, GET)).status).toBe(503);
    expect((await createEdge(down).fetch(path, { ...GET, method: 'DELETE' })).status).toBe(503);
  });
});
