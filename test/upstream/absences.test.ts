import { describe, expect, inject, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_INDEX, pushManifest } from '../support/pushManifest.ts';
import { delayCalls } from '../support/slowStore.ts';
import { STORES } from '../support/stores.ts';

const ALICE = { authorization: 'Basic YWxpY2U6c2VjcmV0' };
const BOB = { authorization: 'Basic Ym9iOnNlY3JldA==' };

describe.each(STORES)('a 404 for a digest, with the cache in $name', ({ variables }) => {
  it.each([
    ['HEAD', 'blobs'],
    ['GET', 'blobs'],
    ['HEAD', 'manifests'],
    ['GET', 'manifests'],
  ] as const)('to a %s of %s evicts the digest once the caller proves its access', async (method, links) => {
    const edge = createEdge(variables);
    const manifest = await pushManifest();
    const blob = await pushBlob(undefined, manifest.name);
    const { path } = links === 'blobs' ? blob : manifest;
    const head = (caller: Record<string, string>) =>
      edge.fetch(path, manifestRequest('HEAD', manifest.mediaType, caller));
    await head(ALICE);
    expect(cacheStatusOf(await head(ALICE))).toContain('; hit');
    await fetch(inject('originUrl') + path, { method: 'DELETE' });
    expect((await edge.fetch(path, manifestRequest(method, manifest.mediaType, BOB))).status).toBe(404);
    // A stranger evicts nothing.
    expect(cacheStatusOf(await head(ALICE))).toContain('; hit');
    await earnGrant(edge, blob, BOB, [`HEAD ${links}`]);
    expect([(await head(BOB)).status, (await head(ALICE)).status]).toEqual([404, 404]);
  });

  it('evicts nothing if the caller does not accept the stored media type', async () => {
    const edge = createEdge(variables);
    const manifest = await pushManifest();
    const head = (accept: string, caller: Record<string, string>) =>
      edge.fetch(manifest.path, manifestRequest('HEAD', accept, caller));
    await head(manifest.mediaType, ALICE);
    await rig.rule({ prefix: manifest.path, status: 404, times: 1 });
    expect((await head(OCI_INDEX, BOB)).status).toBe(404);
    await earnGrant(edge, manifest, BOB);
    for (const caller of [BOB, ALICE]) expect(cacheStatusOf(await head(manifest.mediaType, caller))).toContain('; hit');
  });

  it('evicts the digest even if the proof comes later than a grant may last', async () => {
    const edge = createEdge({ ...variables, PUSH_EXISTENCE_TTL: '5m' });
    const blob = await pushBlob();
    const head = (caller: Record<string, string>) => edge.fetch(blob.path, manifestRequest('HEAD', null, caller));
    await head(ALICE);
    await fetch(inject('originUrl') + blob.path, { method: 'DELETE' });
    expect((await head(BOB)).status).toBe(404);
    edge.clock.advance(120_000);
    await earnGrant(edge, blob, BOB);
    expect((await head(BOB)).status).toBe(404);
  });

  it('evicts nothing that was confirmed later, to this caller or another', async () => {
    const edge = createEdge(variables);
    const [first, second] = [await pushBlob(), await pushBlob()];
    const path = `/v2/${first.name}/blobs/${second.digest}`;
    const head = (at: string, caller: Record<string, string>) => edge.fetch(at, manifestRequest('HEAD', null, caller));
    for (const at of [first.path, path]) await rig.rule({ prefix: at, status: 404, times: 1 });
    expect((await head(first.path, BOB)).status).toBe(404);
    edge.clock.advance(1_000);
    await head(first.path, ALICE);
    edge.clock.advance(1_000);
    expect((await head(path, BOB)).status).toBe(404);
    await earnGrant(edge, first, BOB);
    expect(cacheStatusOf(await head(first.path, BOB))).toContain('; hit');
  });

  it('evicts the digest before any of several simultaneous proofs counts', async () => {
    const eviction = Promise.withResolvers<void>();
    const edge = createEdge(variables, {
      upstream: (made) => ({ ...made, descriptors: delayCalls(made.descriptors, 'evict', () => eviction.promise) }),
    });
    const [gone, one, other] = [await pushBlob(), await pushBlob(), await pushBlob()];
    const head = (digest: string, caller: Record<string, string>) =>
      edge.send(`/v2/${gone.name}/blobs/${digest}`, manifestRequest('HEAD', null, caller)).answer;
    for (const { bytes } of [one, other]) await pushBlob(bytes, gone.name);
    await edge.fetch(gone.path, manifestRequest('HEAD', null, ALICE));
    await fetch(inject('originUrl') + gone.path, { method: 'DELETE' });
    expect((await head(gone.digest, BOB)).status).toBe(404);
    await Promise.all([head(one.digest, BOB), head(other.digest, BOB)]);
    const answer = head(gone.digest, BOB);
    setTimeout(eviction.resolve, 100);
    expect((await answer).status).toBe(404);
  });

  it('does not let a proof count that a later refusal has overtaken', async () => {
    const edge = createEdge(variables);
    const blob = await pushBlob();
    const [gone, refused] = [
      `/v2/${blob.name}/blobs/sha256:${'d'.repeat(64)}`,
      `/v2/${blob.name}/blobs/sha256:${'e'.repeat(64)}`,
    ];
    await rig.rule({ prefix: refused, status: 403 });
    const holdAs = crypto.randomUUID();
    await rig.rule({ prefix: blob.path, holdAs, times: 1 });
    await edge.fetch(gone, manifestRequest('HEAD', null, BOB));
    const slow = edge.send(blob.path, manifestRequest('HEAD', null, BOB));
    await expect.poll(() => rig.requests(blob.path)).toHaveLength(1);
    edge.clock.advance(1);
    expect((await edge.fetch(refused, manifestRequest('HEAD', null, BOB))).status).toBe(403);
    await rig.release(holdAs);
    await slow.over;
    expect(cacheStatusOf(await edge.fetch(blob.path, manifestRequest('HEAD', null, BOB)))).toContain('unproven');
  });

  it('is never answered from the cache', async () => {
    const edge = createEdge(variables);
    const blob = await pushBlob();
    await rig.rule({ prefix: blob.path, status: 404, times: 2 });
    const statuses: number[] = [];
    for (let n = 0; n < 3; n++) statuses.push((await edge.fetch(blob.path, manifestRequest('HEAD', null, BOB))).status);
    expect([statuses, await blob.asked()]).toEqual([[404, 404, 200], 3]);
  });
});
