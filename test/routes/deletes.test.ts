import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../src/cache/provider.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';

const HEAD = { method: 'HEAD' };
const DELETE = { method: 'DELETE' };

/** Lets the first clears through, then fails for as many. */
function failingClears(provider: BlobDescriptorCacheProvider, { after, times }: { after: number; times: number }) {
  let clears = 0;
  return {
    repositoryScoped(...scope: Parameters<BlobDescriptorCacheProvider['repositoryScoped']>) {
      const scoped = provider.repositoryScoped(...scope);
      return {
        ...scoped,
        clear: (...call: Parameters<typeof scoped.clear>) => {
          clears += 1;
          const fails = clears > after && clears <= after + times;
          return fails ? Promise.reject(new Error('down')) : scoped.clear(...call);
        },
      };
    },
  };
}

describe('deleteContent', () => {
  it('leaves a tombstone in both link sets, before and after the origin deletes', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    for (const links of ['blobs', 'manifests']) {
      const cleared = await env.DESCRIPTORS.get(`cleared::${links}::${blob.name}::${blob.digest}`);
      expect(Number(cleared)).toBeGreaterThanOrEqual(edge.clock.now());
    }
    expect(edge.log.filter((line) => line.includes('"clear"'))).toHaveLength(4);
  });

  it('sends nothing and answers 503 where the cache cannot forget', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: failingClears(made.descriptors, { after: 0, times: 9 }) }) },
    );
    const response = await edge.fetch(blob.path, DELETE);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await blob.asked()).toBe(0);
  });

  it('tries a renewal that failed once more, and tells the origin’s answer', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: failingClears(made.descriptors, { after: 2, times: 2 }) }) },
    );
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    const outcomes = edge.log.flatMap((line) => {
      const { kind, outcome } = JSON.parse(line) as Record<string, string>;
      return kind === 'clear' ? [outcome] : [];
    });
    expect(outcomes).toEqual(['done', 'done', 'fault', 'fault', 'done', 'done']);
  });

  it('keeps what the origin refused to delete from being confirmed by what was known before', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 403 });
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(403);
    await rig.forget(blob.path);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });

  it('clears a blob when a manifest of the same digest is deleted', async () => {
    const blob = await pushBlob('{"schemaVersion":2}');
    const edge = createEdge();
    const manifest = `/v2/${blob.name}/manifests/${blob.digest}`;
    await edge.fetch(manifest, { method: 'PUT', body: blob.bytes });
    await edge.fetch(blob.path, HEAD);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
    expect((await edge.fetch(manifest, DELETE)).status).toBe(202);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });

  it('is 405 UNSUPPORTED with DELETE_ENABLED=false, and the origin hears nothing', async () => {
    const blob = await pushBlob();
    const response = await createEdge({ DELETE_ENABLED: 'false' }).fetch(blob.path, DELETE);
    expect(response.status).toBe(405);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    expect(await blob.asked()).toBe(0);
  });
});
