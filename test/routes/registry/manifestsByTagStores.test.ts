import { describe, expect, it } from 'vitest';
import { FAILING_STORES } from '../../support/brokenStores.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { manifestRequest, OCI_MANIFEST, pushManifest, uniqueManifest } from '../../support/pushManifest.ts';
import { NO_REDIS, REDIS } from '../../support/redisStore.ts';
import { SHARED_STORES } from '../../support/stores.ts';

const OPEN = { CLIENT_AUTH: 'anonymous', TAG_TTL: '10s' };
const OPEN_WITHOUT_MEMORY = { ...OPEN, MEMORY_TTL: '0' };

describe.each(SHARED_STORES)('a manifest by tag that another edge deletes, store: $name', ({ variables }) => {
  it.each(['HEAD', 'GET'] as const)(
    '%s: answers 404 within TAG_TTL once its manifest was deleted by digest',
    async (method) => {
      const manifest = await pushManifest();
      const [mirror, closed] = [createEdge({ ...variables, ...OPEN_WITHOUT_MEMORY }), createEdge(variables)];
      for (let n = 0; n < 2; n++) await mirror.fetch(manifest.tagPath, manifestRequest('GET'));
      expect((await closed.fetch(manifest.path, { method: 'DELETE' })).status).toBe(202);
      expect((await mirror.fetch(manifest.tagPath, manifestRequest(method))).status).toBe(404);
    },
  );
});

describe.skipIf(NO_REDIS)('a manifest by tag, one Redis for a mirror and an edge that accepts pushes', () => {
  it.each(['PUT', 'DELETE'])('a %s of the tag is seen at once', async (verb) => {
    const manifest = await pushManifest();
    const [mirror, closed] = [createEdge({ ...REDIS, ...OPEN }), createEdge(REDIS)];
    for (const accept of [OCI_MANIFEST, `${OCI_MANIFEST}, */*`]) {
      for (let n = 0; n < 2; n++) await mirror.fetch(manifest.tagPath, manifestRequest('GET', accept));
    }
    expect(await manifest.questions()).toHaveLength(2);
    const body = uniqueManifest();
    const headers = { 'content-type': OCI_MANIFEST };
    await closed.fetch(manifest.tagPath, verb === 'PUT' ? { method: verb, body, headers } : { method: verb });
    for (const accept of [OCI_MANIFEST, `${OCI_MANIFEST}, */*`]) {
      const response = await mirror.fetch(manifest.tagPath, manifestRequest('GET', accept));
      const isMoved = (await response.text()) === body;
      expect([response.status, isMoved]).toEqual(verb === 'PUT' ? [200, true] : [404, false]);
    }
  });

  it('with TAG_TTL=0 an isolate whose clock lags behind asks the origin as well', async () => {
    const manifest = await pushManifest();
    const variables = { ...REDIS, ...OPEN, TAG_TTL: '0' };
    const [ahead, behind] = [createEdge(variables), createEdge(variables)];
    ahead.clock.advance(2_000);
    await ahead.fetch(manifest.tagPath, manifestRequest('HEAD'));
    await behind.fetch(manifest.tagPath, manifestRequest('HEAD'));
    expect(await manifest.questions()).toEqual(['HEAD latest', 'HEAD latest']);
  });
});

describe.each(FAILING_STORES)('a manifest, while %s fails', (_store, variables, options) => {
  it('comes from the origin, and nothing is stored', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ CACHE_TIMEOUT: '10s', ...variables, ...OPEN_WITHOUT_MEMORY }, options);
    for (const path of [manifest.path, manifest.tagPath, manifest.path, manifest.tagPath]) {
      const response = await edge.fetch(path, manifestRequest('GET'));
      expect([response.status, await response.text()]).toEqual([200, manifest.bytes]);
      expect(cacheStatusOf(response)).not.toContain('hit');
    }
    expect((await manifest.questions()).every((question) => question.startsWith('GET'))).toBe(true);
    expect(await manifest.questions()).toHaveLength(4);
  });
});
