import { describe, expect, it } from 'vitest';
import { lose } from '../support/commit.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';

const HEAD = { method: 'HEAD' };
const WINDOW_MS = 300_000;
const STALE_MS = 3_600_000;
const TTLS = { PUSH_EXISTENCE_TTL: `${WINDOW_MS}ms`, PUSH_STALE_WHILE_REVALIDATE: `${STALE_MS}ms` };

/** A blob that an edge has confirmed so long ago, to a caller with a grant now. */
async function confirmedAgo(ageMs: number, variables: Record<string, string>): Promise<{ edge: Edge; blob: Pushed }> {
  const blob = await pushBlob();
  const edge = createEdge({ ...TTLS, ...variables });
  await edge.fetch(blob.path, HEAD);
  edge.clock.advance(ageMs);
  await earnGrant(edge, blob);
  return { edge, blob };
}

describe.each(STORES)('an old confirmation of a blob, with the cache in $name', ({ name: store, variables }) => {
  it('answers a push at once for PUSH_STALE_WHILE_REVALIDATE, while the origin is asked after the reply', async () => {
    const { edge, blob } = await confirmedAgo(WINDOW_MS + STALE_MS - 1_000, variables);
    await rig.rule({ prefix: blob.path, method: 'HEAD', holdAs: blob.digest, times: 1 });
    const { answer, over } = edge.send(blob.path, HEAD);
    expect(cacheStatusOf(await answer)).toBe(`registry-edge; hit; ttl=-${STALE_MS / 1000 - 1}; detail=${store}`);
    await rig.release(blob.digest);
    await over;
    expect(await blob.asked()).toBe(2);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe(`registry-edge; hit; detail=${store}`);
    expect(await blob.asked()).toBe(2);
  });

  it('answers no push after PUSH_STALE_WHILE_REVALIDATE', async () => {
    const { edge, blob } = await confirmedAgo(WINDOW_MS + STALE_MS, variables);
    await lose(blob);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('is evicted if the origin then answers 404, so that the next HEAD says so', async () => {
    const { edge, blob } = await confirmedAgo(WINDOW_MS, variables);
    await lose(blob);
    const statuses = [await edge.fetch(blob.path, HEAD), await edge.fetch(blob.path, HEAD)].map(({ status }) => status);
    expect(statuses).toEqual([200, 404]);
  });

  it.each([401, 403, 429, 500, 503])('stays if the origin then answers %i, which is no “not found”', async (status) => {
    const { edge, blob } = await confirmedAgo(WINDOW_MS, variables);
    await rig.rule({ prefix: blob.path, method: 'HEAD', status, times: 1 });
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    await earnGrant(edge, blob);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit; ttl=');
  });
});

it.each(['HEAD', 'GET'] as const)(
  'a %s of a manifest waits for the origin after PUSH_EXISTENCE_TTL',
  async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge(TTLS);
    await edge.fetch(manifest.path, manifestRequest(method));
    edge.clock.advance(WINDOW_MS);
    await earnGrant(edge, manifest);
    const answer = await edge.fetch(manifest.path, manifestRequest(method));
    expect(cacheStatusOf(answer)).toBe('registry-edge; fwd=stale; stored; detail=push');
  },
);
