import { env } from 'cloudflare:workers';
import { describe, expect, inject, it } from 'vitest';
import type { BlobDescriptorCacheProvider } from '../../../src/cache/provider.ts';
import type { LinkSet } from '../../../src/oci/links.ts';
import { clearsOf, DELETE } from '../../support/deletes.ts';
import { keysOfEntry, repositoryObject } from '../../support/durableStore.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';

const HEAD = { method: 'HEAD' };

/** Wraps a provider: after the first clears and markings, the next ones fail. */
function failingClears(provider: BlobDescriptorCacheProvider, { after, times }: { after: number; times: number }) {
  let calls = 0;
  return {
    ...provider,
    repositoryScoped(...scope: Parameters<BlobDescriptorCacheProvider['repositoryScoped']>) {
      const scoped = provider.repositoryScoped(...scope);
      const orFail = <A extends unknown[]>(work: (...call: A) => Promise<void>) => {
        return (...call: A) => {
          calls += 1;
          return calls > after && calls <= after + times ? Promise.reject(new Error('down')) : work(...call);
        };
      };
      return { ...scoped, clearEach: orFail(scoped.clearEach), markDeleting: orFail(scoped.markDeleting) };
    },
  };
}

const outcomesOf = (edge: Edge) => clearsOf(edge).map((clear) => clear.split(' ')[1]);

/** Returns how far from now the tombstone of a blob reaches, in ms. */
async function clearedForMs(edge: Edge, { name, digest }: Pushed, links: LinkSet = 'blobs'): Promise<number> {
  const { rows } = await repositoryObject(inject('originUrl'), name).readEntries(keysOfEntry(digest, links));
  return (rows[0]?.clearedUntil ?? 0) - edge.clock.now();
}

describe('a DELETE of content', () => {
  it('probes, marks, deletes and clears, in both link sets', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`, `DELETE ${blob.path}`]);
    expect(outcomesOf(edge)).toEqual(['done', 'done', 'done', 'done']);
    // The tombstone from the marking reaches farther than that of the clear, and stays.
    expect([await clearedForMs(edge, blob), await clearedForMs(edge, blob, 'manifests')]).toEqual([35_000, 35_000]);
  });

  it('by a stranger writes nothing and evicts nothing', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    const alice = { authorization: 'Basic YQ==' };
    await rig.rule({ prefix: blob.path, unlessAuthorization: alice.authorization, status: 401 });
    await edge.fetch(blob.path, { ...HEAD, headers: alice });
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(401);
    expect(outcomesOf(edge)).toEqual([]);
    expect(cacheStatusOf(await edge.fetch(blob.path, { ...HEAD, headers: alice }))).toContain('hit');
  });

  it('clears before the reply also where only the DELETE itself proves the caller’s access', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await rig.rule({ prefix: blob.path, method: 'HEAD', unlessAuthorization: '', status: 401, times: 1 });
    expect((await edge.fetch(blob.path, { ...DELETE, headers: { authorization: 'Bearer delete-only' } })).status).toBe(
      202,
    );
    expect(outcomesOf(edge)).toEqual(['done', 'done']);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it.each([
    ['a 504 of a gateway', { status: 504 }, 504],
    ['a 408', { status: 408 }, 408],
    ['no answer in time', { delayMs: 400 }, 502],
  ])(
    'outdates what is confirmed within a minute after %s, since the origin may still delete',
    async (_what, rule, status) => {
      const blob = await pushBlob();
      const edge = createEdge({ ORIGIN_TIMEOUT: '200ms' });
      await rig.rule({ prefix: blob.path, method: 'DELETE', ...rule });
      expect((await edge.fetch(blob.path, DELETE)).status).toBe(status);
      expect(await clearedForMs(edge, blob)).toBe(60_000);
      await edge.fetch(blob.path, HEAD);
      edge.clock.advance(30_000);
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
    },
  );

  it('outdates what is confirmed while it is in progress', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ORIGIN_TIMEOUT: '30s' });
    await rig.rule({ prefix: blob.path, method: 'DELETE', holdAs: `delete ${blob.digest}`, times: 1 });
    const deleting = edge.send(blob.path, DELETE);
    await expect.poll(() => blob.asked()).toBe(2);
    expect(await clearedForMs(edge, blob)).toBe(35_000);
    edge.clock.advance(20_000);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    await rig.release(`delete ${blob.digest}`);
    await deleting.over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('clears the canonical digest that the origin names, though no alias of it is cached', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    const alias = `/v2/${blob.name}/blobs/sha512:${'b'.repeat(128)}`;
    const headers = { 'docker-content-digest': blob.digest, 'content-length': '1' };
    await rig.rule({ prefix: alias, method: 'HEAD', status: 200, headers });
    await rig.rule({ prefix: alias, method: 'DELETE', status: 202 });
    expect((await edge.fetch(alias, DELETE)).status).toBe(202);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });

  it('is a 503 and does not delete at the origin where the cache cannot be marked', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: failingClears(made.descriptors, { after: 0, times: 9 }) }) },
    );
    const response = await edge.fetch(blob.path, DELETE);
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] });
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it('repeats a failed clear once', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: failingClears(made.descriptors, { after: 2, times: 2 }) }) },
    );
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    expect(outcomesOf(edge)).toEqual(['done', 'done', 'fault', 'fault', 'done', 'done']);
  });

  it('succeeds where the entry cannot be cleared but has a tombstone', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      { upstream: (made) => ({ ...made, descriptors: failingClears(made.descriptors, { after: 2, times: 9 }) }) },
    );
    await edge.fetch(blob.path, HEAD);
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('earns no grant with a query, which may name another registry', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 405 });
    await edge.fetch(`${blob.path}?ns=docker.io`, DELETE);
    expect(cacheStatusOf(await edge.fetch((await pushBlob(undefined, blob.name)).path, HEAD))).toContain('unproven');
    expect(outcomesOf(edge)).toEqual([]);
  });

  it('succeeds despite a bad record in the store', async () => {
    const blob = await pushBlob();
    await env.DESCRIPTORS.put(`blobs::${blob.name}::${blob.digest}`, '{garbage');
    expect((await createEdge({ BLOBDESCRIPTOR: 'kv' }).fetch(blob.path, DELETE)).status).toBe(202);
  });

  it('that the origin refuses outdates what was cached before', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    await rig.rule({ prefix: blob.path, method: 'DELETE', status: 403 });
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(403);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });

  it('of a manifest clears the blob of the same digest', async () => {
    const blob = await pushBlob('{"schemaVersion":2}');
    const edge = createEdge();
    const manifest = `/v2/${blob.name}/manifests/${blob.digest}`;
    await edge.fetch(manifest, { method: 'PUT', body: blob.bytes });
    await edge.fetch(blob.path, HEAD);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
    expect((await edge.fetch(manifest, DELETE)).status).toBe(202);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('fwd=miss');
  });

  it('is 405 UNSUPPORTED with DELETE_ENABLED=false for all content, without the origin', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ DELETE_ENABLED: 'false' });
    const repository = `/v2/${blob.name}`;
    for (const path of [
      blob.path,
      `${repository}/manifests/latest`,
      `${repository}/manifests/md5:abc`,
      `${repository}/x`,
    ]) {
      const response = await edge.fetch(path, DELETE);
      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
    }
    expect(await blob.asked()).toBe(0);
    expect((await edge.fetch(`${repository}/blobs/uploads/unknown`, DELETE)).status).toBe(404);
  });
});
