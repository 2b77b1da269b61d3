import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { DescriptorNamespace } from '../../src/stores/kv/namespace.ts';
import { createClock } from '../support/context.ts';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { earnGrant } from '../support/grant.ts';
import { type Pushed, pushBlob, rig } from '../support/push.ts';
import { SHARED_STORES } from '../support/stores.ts';

const HEAD = { method: 'HEAD' };
const DELETE = { method: 'DELETE' };
const KV = { BLOBDESCRIPTOR: 'kv' };
/** By how much the second isolate's clock is ahead of the first one's, in ms. */
const SKEWS = [-2_000, 0, 2_000];

/** Makes two isolates on one store whose clocks differ; the caller has a grant in both. */
async function createPair(variables: Record<string, string>, skewMs: number, name: string): Promise<[Edge, Edge]> {
  const now = Date.now();
  const edges: [Edge, Edge] = [
    createEdge(variables, { clock: createClock(now) }),
    createEdge(variables, { clock: createClock(now + skewMs) }),
  ];
  for (const edge of edges) await earnGrant(edge, { name });
  return edges;
}

function advance(edges: readonly Edge[], ms: number): void {
  for (const { clock } of edges) clock.advance(ms);
}

/** Expects the next HEAD through each isolate to be a 404. */
async function expectGone(edges: readonly Edge[], { path }: Pushed): Promise<void> {
  for (const edge of edges) expect((await edge.fetch(path, HEAD)).status).toBe(404);
}

/** Holds the origin's answer to the next HEAD of a blob: it says that the blob exists. @returns the id to release it */
async function holdNextHead({ path, digest, bytes }: Pushed): Promise<string> {
  const headers = { 'content-length': String(bytes.length), 'docker-content-digest': digest };
  const holdAs = crypto.randomUUID();
  await rig.rule({ prefix: path, method: 'HEAD', status: 200, headers, holdAs, times: 1 });
  return holdAs;
}

describe.each(SHARED_STORES)('two isolates that share a store: $name', ({ variables }) => {
  describe.each(SKEWS)('whose clocks differ by %i ms', (skewMs) => {
    it('see a delete through the other at once', async () => {
      const blob = await pushBlob();
      const edges = await createPair(variables, skewMs, blob.name);
      for (const edge of edges) await edge.fetch(blob.path, HEAD);
      expect(cacheStatusOf(await edges[1].fetch(blob.path, HEAD))).toContain('hit');
      expect((await edges[0].fetch(blob.path, DELETE)).status).toBe(202);
      await expectGone(edges, blob);
    });

    it('revive nothing by an answer that was in progress during a delete through the other', async () => {
      const blob = await pushBlob();
      const edges = await createPair(variables, skewMs, blob.name);
      const heldAs = await holdNextHead(blob);
      const late = edges[0].send(blob.path, HEAD);
      await expect.poll(() => blob.questions()).toContain(`HEAD ${blob.path}`);
      advance(edges, 1_000);
      expect((await edges[1].fetch(blob.path, DELETE)).status).toBe(202);
      advance(edges, 10_000);
      await rig.release(heldAs);
      expect((await late.answer).status).toBe(200);
      await late.over;
      await expectGone(edges, blob);
    });

    it('are not confused by an answer that was in progress during a delete and a push of the same blob', async () => {
      const blob = await pushBlob();
      const edges = await createPair(variables, skewMs, blob.name);
      const heldAs = await holdNextHead(blob);
      const late = edges[0].send(blob.path, HEAD);
      await expect.poll(() => blob.questions()).toContain(`HEAD ${blob.path}`);
      expect((await edges[1].fetch(blob.path, DELETE)).status).toBe(202);
      await pushBlob(blob.bytes, blob.name);
      advance(edges, 10_000);
      await edges[1].fetch(blob.path, HEAD);
      await rig.release(heldAs);
      await late.over;
      for (const edge of edges) expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
      expect((await edges[0].fetch(blob.path, DELETE)).status).toBe(202);
      await expectGone(edges, blob);
    });

    it('leave nothing after simultaneous deletes through both', async () => {
      const blob = await pushBlob();
      const edges = await createPair(variables, skewMs, blob.name);
      for (const edge of edges) await edge.fetch(blob.path, HEAD);
      await Promise.all(edges.flatMap((edge) => [edge.fetch(blob.path, DELETE), edge.fetch(blob.path, HEAD)]));
      await expectGone(edges, blob);
    });
  });
});

describe('a late write-back', () => {
  it('that reaches the store after a delete through another isolate revives nothing', async () => {
    const blob = await pushBlob();
    const write = Promise.withResolvers<void>();
    const slowToWrite = {
      get: env.DESCRIPTORS.get.bind(env.DESCRIPTORS),
      put: (...call: Parameters<KVNamespace['put']>) => write.promise.then(() => env.DESCRIPTORS.put(...call)),
    } as unknown as DescriptorNamespace;
    const clock = createClock(Date.now());
    const [writing, deleting] = [createEdge({}, { clock, namespace: slowToWrite }), createEdge(KV, { clock })];
    const late = writing.send(blob.path, HEAD);
    expect((await late.answer).status).toBe(200);
    clock.advance(1_000);
    expect((await deleting.fetch(blob.path, DELETE)).status).toBe(202);
    clock.advance(20_000);
    write.resolve();
    await late.over;
    await expectGone([writing, deleting], blob);
  });
});

describe('a store that recovers', () => {
  it('is used again within 30 s, without a restart', async () => {
    const blob = await pushBlob();
    let isDown = true;
    const failIfDown = <A extends unknown[], T>(work: (...call: A) => Promise<T>) => {
      return (...call: A) => (isDown ? Promise.reject(new Error('KV is down')) : work(...call));
    };
    const namespace = {
      get: failIfDown(env.DESCRIPTORS.get.bind(env.DESCRIPTORS) as (...call: unknown[]) => Promise<unknown>),
      put: failIfDown(env.DESCRIPTORS.put.bind(env.DESCRIPTORS) as (...call: unknown[]) => Promise<unknown>),
    } as unknown as DescriptorNamespace;
    const edge = createEdge({}, { namespace });
    await earnGrant(edge, blob);
    for (let n = 0; n < 8; n++) {
      const response = await edge.fetch(blob.path, HEAD);
      expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=bypass; detail=fault']);
    }
    isDown = false;
    edge.clock.advance(30_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=kv');
  });
});
