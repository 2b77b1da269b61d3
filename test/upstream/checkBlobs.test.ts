import { describe, expect, inject, it, vi } from 'vitest';
import {
  acceptAll,
  confirmedLongAgo,
  headEach,
  lose,
  manifestNaming,
  newImage,
  PAST_WINDOW_MS,
  put,
  watchOrigin,
} from '../support/commit.ts';
import { createClock } from '../support/context.ts';
import { uniqueDigest } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { blobOf, holdHead, type Pushed, pushBlob, rig } from '../support/push.ts';
import { SHARED_STORES, STORES } from '../support/stores.ts';
import { byPut, putOf } from '../support/uploading.ts';

const HEAD = { method: 'HEAD' };
const headsOf = (blobs: readonly Pushed[]) => blobs.map(({ digest }) => `HEAD ${digest}`);
/** The error with which distribution refuses a manifest whose blobs it does not have. */
const missing = (...blobs: readonly Pushed[]) => ({
  errors: blobs.map(({ digest }) => expect.objectContaining({ code: 'MANIFEST_BLOB_UNKNOWN', detail: digest })),
});

describe.each(STORES)('a manifest before the cache in $name', ({ name: store, variables }) => {
  it('goes on without a question, byte for byte, if its blobs were confirmed within the window', async () => {
    const { blobs, manifest } = await newImage();
    const edge = createEdge(variables);
    await headEach(edge, blobs);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
    expect(await (await fetch(inject('originUrl') + manifest.path)).text()).toBe(manifest.bytes);
  });

  it('goes on after one question for each blob that was confirmed before the window', async () => {
    const image = await newImage();
    const edge = createEdge(variables);
    await confirmedLongAgo(edge, image);
    const asked = await watchOrigin(image.manifest);
    expect((await put(edge, image.manifest)).status).toBe(201);
    expect(await asked()).toEqual([...headsOf(image.blobs), `PUT ${image.manifest.digest}`].sort());
    // The answers are stored: the next manifest needs no question.
    const next = await manifestNaming(image.blobs);
    expect((await put(edge, next)).status).toBe(201);
    expect(await next.questions()).toEqual([`PUT ${next.digest}`]);
    expect(cacheStatusOf(await edge.fetch(image.blobs[0]?.path as string, HEAD))).toBe(
      `registry-edge; hit; detail=${store}`,
    );
  });

  it('is refused if a blob is gone, although a HEAD has just said that it exists; and passes when repeated', async () => {
    const image = await newImage();
    const { blobs, manifest } = image;
    const [, lost] = blobs as [Pushed, Pushed];
    const edge = createEdge(variables);
    await confirmedLongAgo(edge, image);
    await lose(lost);
    await acceptAll(lost, manifest.digest);
    // The refresh after the reply evicts the entry, so the check finds nothing to doubt.
    expect(cacheStatusOf(await edge.fetch(lost.path, HEAD))).toMatch(/^registry-edge; hit; ttl=-\d+; detail=/);
    const asked = await watchOrigin(lost);
    const refused = await put(edge, manifest);
    expect([refused.status, await refused.json()]).toEqual([400, missing(lost)]);
    expect(await asked()).not.toContain(`PUT ${manifest.digest}`);

    expect(await headEach(edge, [lost])).toEqual([404]);
    await rig.forget(lost.path);
    edge.clock.advance(1);
    await (await byPut(edge, lost)).over;
    const repeated = await watchOrigin(lost);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await repeated()).toEqual([`PUT ${manifest.digest}`]);
  });

  it('is refused with every digest that is gone, and what the others confirm is stored before the reply', async () => {
    const image = await newImage(5);
    const [one, two, ...others] = image.blobs as [Pushed, Pushed, ...Pushed[]];
    const edge = createEdge(variables);
    await confirmedLongAgo(edge, image);
    for (const blob of [one, two]) await lose(blob);
    const { answer, over } = edge.send(image.manifest.path, {
      method: 'PUT',
      body: image.manifest.bytes,
      headers: { 'content-type': image.manifest.mediaType },
    });
    expect(await (await answer).json()).toEqual(missing(one, two));
    const asked = await watchOrigin(one);
    expect((await put(edge, image.manifest)).status).toBe(400);
    expect(await asked()).toEqual(headsOf([one, two]).sort());
    expect(await headEach(edge, others)).toEqual(others.map(() => 200));
    await over;
  });

  it('is refused, and keeps a blob that came back before the last question was sent', async () => {
    const image = await newImage(1);
    const [restored, other] = image.blobs as [Pushed, Pushed];
    const edge = createEdge(variables);
    await confirmedLongAgo(edge, image);
    await lose(restored);
    // The first rule in force wins: the second answer comes a second later.
    await rig.rule({ prefix: other.path, method: 'HEAD', status: 429, headers: { 'retry-after': '1' }, times: 1 });
    await lose(other);
    const asked = await watchOrigin(image.manifest);
    const { answer, over } = edge.send(image.manifest.path, putOf(image.manifest));
    await vi.waitFor(async () => expect(await asked()).toEqual(headsOf(image.blobs).sort()));
    await rig.forget(restored.path);
    edge.clock.advance(100);
    expect(await headEach(edge, [restored], { authorization: 'Basic YWxpY2U6c2VjcmV0' })).toEqual([200]);
    edge.clock.advance(100);
    expect(await (await answer).json()).toEqual(missing(restored, other));
    await over;
    expect(cacheStatusOf(await edge.fetch(restored.path, HEAD))).toBe(`registry-edge; hit; detail=${store}`);
    expect(await headEach(edge, [other])).toEqual([404]);
  });

  it('asks for a blob whose confirmation became too old while the origin was asked for another', async () => {
    const image = await newImage(1);
    const [lost, other] = image.blobs as [Pushed, Pushed];
    const edge = createEdge(variables);
    await headEach(edge, [lost]);
    edge.clock.advance(5 * 60_000 - 1_000);
    await earnGrant(edge, lost);
    await lose(lost);
    await acceptAll(lost);
    await holdHead(other);
    const asked = await watchOrigin(lost);
    const { answer } = edge.send(image.manifest.path, putOf(image.manifest));
    await vi.waitFor(async () => expect(await asked()).toEqual([`HEAD ${other.digest}`]));
    edge.clock.advance(1_000);
    await rig.release(other.digest);
    expect(await (await answer).json()).toEqual(missing(lost));
  });

  it('is refused, and then no HEAD says that a gone blob exists, even if the caller has missed others before', async () => {
    const { blobs, manifest } = await newImage(1);
    const [lost] = blobs as [Pushed, Pushed];
    const edge = createEdge(variables);
    await headEach(edge, blobs);
    edge.clock.advance(PAST_WINDOW_MS);
    const caller = { authorization: 'Basic c29tZWJvZHk6' };
    // They are evicted once the caller has proved its access, which happens in the middle of the check.
    const missed = Array.from({ length: 30 }, () => ({ ...lost, path: `/v2/${lost.name}/blobs/${uniqueDigest()}` }));
    expect(new Set(await headEach(edge, missed, caller))).toEqual(new Set([404]));
    await lose(lost);
    expect((await put(edge, manifest, caller)).status).toBe(400);
    expect(await headEach(edge, [lost], caller)).toEqual([404]);
  });

  it('is refused if a blob is gone, although a HEAD that began before the window is answered only now', async () => {
    const image = await newImage(1);
    const [lost] = image.blobs as [Pushed, Pushed];
    const edge = createEdge({ ...variables, PUSH_EXISTENCE_TTL: '10s' });
    await confirmedLongAgo(edge, image);
    await holdHead(lost);
    const { answer, over } = edge.send(lost.path, HEAD);
    expect((await answer).status).toBe(200);
    await lose(lost);
    edge.clock.advance(11_000);
    const pushed = put(edge, image.manifest);
    await rig.release(lost.digest);
    await over;
    expect((await pushed).status).toBe(400);
  });

  it('asks for blobs that are not stored at all', async () => {
    const { blobs, manifest } = await newImage();
    const edge = createEdge(variables);
    await earnGrant(edge, manifest);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await asked()).toEqual([...headsOf(blobs), `PUT ${manifest.digest}`].sort());
  });

  it('asks for nothing that was just uploaded through the edge', async () => {
    const { name } = await pushBlob();
    const blobs = await Promise.all(Array.from({ length: 3 }, () => blobOf(crypto.randomUUID(), name)));
    const edge = createEdge(variables);
    for (const blob of blobs) await (await byPut(edge, blob)).over;
    const manifest = await manifestNaming(blobs);
    const asked = await watchOrigin(manifest);
    expect((await put(edge, manifest)).status).toBe(201);
    expect(await asked()).toEqual([`PUT ${manifest.digest}`]);
    // The upload counts as long as a confirmation would.
    edge.clock.advance(PAST_WINDOW_MS);
    const later = await manifestNaming(blobs);
    const askedLater = await watchOrigin(manifest);
    expect((await put(edge, later)).status).toBe(201);
    expect(await askedLater()).toEqual([...headsOf(blobs), `PUT ${later.digest}`].sort());
  });

  it('asks for an upload if the blob was deleted after it', async () => {
    const { name } = await pushBlob();
    const blob = await blobOf(crypto.randomUUID(), name);
    const edge = createEdge(variables);
    await (await byPut(edge, blob)).over;
    await edge.fetch(blob.path, { method: 'DELETE' });
    await acceptAll(blob);
    const refused = await put(edge, await manifestNaming([blob]));
    expect([refused.status, await refused.json()]).toEqual([400, missing(blob)]);
  });
});

describe.each(SHARED_STORES)('with two isolates and the cache in $name', ({ variables }) => {
  it('a manifest is refused by the one that has answered no HEAD', async () => {
    const clock = createClock(Date.now());
    const [one, two] = [createEdge(variables, { clock }), createEdge(variables, { clock })];
    const image = await newImage();
    const lost = image.blobs[2] as Pushed;
    await confirmedLongAgo(one, image);
    await lose(lost);
    await acceptAll(lost);
    expect(await headEach(one, image.blobs)).toEqual([200, 200, 200, 200]);
    const refused = await put(two, image.manifest);
    expect([refused.status, await refused.json()]).toEqual([400, missing(lost)]);
    expect(await headEach(one, [lost])).toEqual([404]);
  });

  it('an upload through one is asked for if the blob was deleted through the other', async () => {
    const clock = createClock(Date.now());
    const [one, two] = [createEdge(variables, { clock }), createEdge(variables, { clock })];
    const { name } = await pushBlob();
    const blob = await blobOf(crypto.randomUUID(), name);
    await (await byPut(one, blob)).over;
    await earnGrant(two, blob);
    await two.fetch(blob.path, { method: 'DELETE' });
    await earnGrant(one, blob);
    await acceptAll(blob);
    expect((await put(one, await manifestNaming([blob]))).status).toBe(400);
  });
});
