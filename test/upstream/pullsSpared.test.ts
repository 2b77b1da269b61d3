import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, type Edge } from '../support/edge.ts';
import { OPEN } from '../support/failingEdge.ts';
import { createPullIsolates, pull, questionsAbout, slow, tellLimit } from '../support/pullIsolates.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, pushManifest } from '../support/pushManifest.ts';

const BUDGET = { UPSTREAM_BUDGET: '100/6h' };
const GET = manifestRequest('GET');

describe('near the end of the budget', () => {
  const SPARED = 'registry-edge; fwd=stale; detail=budget';
  const FEW = { UPSTREAM_BUDGET: '2/6h' };

  /** Pulls a manifest, spends what is to be spent, and moves the tag at the origin. */
  async function moved(variables: Record<string, string> = FEW) {
    const isolates = createPullIsolates(2, variables);
    const [edge] = isolates.edges;
    const manifest = await pushManifest();
    await pull(edge, manifest.tagPath);
    const other = await pushManifest({ name: manifest.name });
    isolates.clock.advance(10_000);
    return { ...isolates, edge, manifest, other };
  }

  it('callers that only pull get the last good answer in place of a pull, through any isolate', async () => {
    const { edges, manifest, asked, events } = await moved();
    for (const edge of edges) {
      const response = await edge.fetch(manifest.tagPath, GET);
      expect([response.status, await response.text(), cacheStatusOf(response)]).toEqual([200, manifest.bytes, SPARED]);
    }
    expect(await questionsAbout(manifest)).toEqual(['GET latest', 'HEAD latest', 'HEAD latest']);
    expect([asked(), events]).toEqual([
      ['takePull', 'takePull', 'takePull'],
      ['granted 1', 'spared 1', 'spared 1'],
    ]);
  });

  it('a crowd that gets it asks once', async () => {
    const { edge, manifest, asked } = await moved();
    asked();
    await slow(manifest);
    const answers = await Promise.all(Array.from({ length: 10 }, () => pull(edge, manifest.tagPath)));
    expect(answers).toEqual(answers.map(() => ({ status: 200, text: manifest.bytes })));
    expect([asked(), await questionsAbout(manifest)]).toEqual([['takePull'], ['GET latest', 'HEAD latest']]);
  });

  it('the log tells it, and how many are left', async () => {
    const { edge, manifest } = await moved();
    edge.log.length = 0;
    await edge.fetch(manifest.tagPath, GET);
    const line = edge.log.map((text) => JSON.parse(text)).find(({ message }) => message === 'request');
    expect(line).toMatchObject({ cache: SPARED, budget: 'spared', left: 1 });
  });

  it('what nobody knows is asked for, as long as anything is left and beyond', async () => {
    const { edge, events } = await moved();
    for (let n = 0; n < 3; n++) expect((await pull(edge, (await pushManifest()).tagPath)).status).toBe(200);
    expect(events).toEqual(['granted 1', 'granted 0', 'granted 0', 'granted 0']);
  });

  it('what has not moved is confirmed by a HEAD', async () => {
    const { edges, clock } = createPullIsolates(1, FEW);
    const manifest = await pushManifest();
    await pull(edges[0], manifest.tagPath);
    clock.advance(10_000);
    expect(cacheStatusOf(await edges[0].fetch(manifest.tagPath, GET))).toBe('registry-edge; fwd=stale; stored');
  });

  it('what is known of another tag is no pull', async () => {
    const { edge, manifest, other } = await moved();
    await edge.fetch(other.path, GET);
    expect(await pull(edge, manifest.tagPath)).toEqual({ status: 200, text: other.bytes });
  });

  it('ends with the window', async () => {
    const { edge, manifest, other, clock } = await moved({ ...FEW, STALE_IF_ERROR: '1d' });
    expect((await pull(edge, manifest.tagPath)).text).toBe(manifest.bytes);
    clock.advance(6 * 3_600_000 - 10_001);
    expect((await pull(edge, manifest.tagPath)).text).toBe(manifest.bytes);
    clock.advance(1);
    expect((await pull(edge, manifest.tagPath)).text).toBe(other.bytes);
  });

  it('begins where the headers say so, whatever is declared', async () => {
    const { edges, clock, events } = createPullIsolates(1, { UPSTREAM_BUDGET: '1000/1h' });
    const [edge] = edges;
    const manifest = await pushManifest();
    await tellLimit(manifest, 10);
    await pull(edge, manifest.tagPath);
    await rig.forget(manifest.tagPath);
    await pushManifest({ name: manifest.name });
    clock.advance(10_000);
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, GET))).toBe(SPARED);
    expect(events).toEqual(['granted 999', 'spared 10']);
  });

  it('no answer repeats what the origin told somebody of its limit', async () => {
    const { edges, clock } = createPullIsolates(2, BUDGET);
    const [edge, other] = edges as [Edge, Edge];
    const manifest = await pushManifest();
    await tellLimit(manifest, 10);
    const cold = await edge.fetch(manifest.tagPath, GET);
    expect(cold.headers.get('ratelimit-remaining')).toBe('10;w=21600');
    await rig.forget(manifest.tagPath);
    await pushManifest({ name: manifest.name });
    const warm = await other.fetch(manifest.tagPath, GET);
    clock.advance(10_000);
    const spared = await other.fetch(manifest.tagPath, GET);
    expect(cacheStatusOf(spared)).toBe(SPARED);
    for (const { headers } of [warm, spared])
      expect([...headers.keys()].filter((name) => name.startsWith('ratelimit'))).toEqual([]);
  });

  it('nothing older than STALE_IF_ERROR stands in', async () => {
    const { edge, manifest, other } = await moved({ ...FEW, STALE_IF_ERROR: '0' });
    expect((await pull(edge, manifest.tagPath)).text).toBe(other.bytes);
  });
});

describe('a 429 with Retry-After', () => {
  it('is known to every isolate that takes a pull, which then asks nothing that it need not', async () => {
    const { edges, clock, asked } = createPullIsolates(2, BUDGET);
    const [one, other] = edges as [Edge, Edge];
    const manifest = await pushManifest();
    for (const edge of edges) await pull(edge, manifest.tagPath);
    clock.advance(10_000);
    const limited = await pushManifest();
    await rig.rule({ prefix: limited.tagPath, status: 429, headers: { 'retry-after': '60' } });
    expect((await pull(one, limited.tagPath)).status).toBe(429);
    expect((await pull(other, (await pushManifest()).tagPath)).status).toBe(200);
    const before = await questionsAbout(manifest);
    asked();
    const paused = await other.fetch(manifest.tagPath, GET);
    expect(cacheStatusOf(paused)).toBe('registry-edge; fwd=stale; detail=paused');
    expect([await questionsAbout(manifest), asked()]).toEqual([before, []]);
    clock.advance(60_000);
    expect(cacheStatusOf(await other.fetch(manifest.tagPath, GET))).toBe('registry-edge; fwd=stale; stored');
  });

  it('of a HEAD is told once', async () => {
    const { edges, asked } = createPullIsolates(1, BUDGET);
    const manifest = await pushManifest();
    await rig.rule({ prefix: `/v2/${manifest.name}/`, status: 429, headers: { 'retry-after': '60' } });
    for (let n = 0; n < 3; n++) await edges[0].fetch(manifest.tagPath, manifestRequest('HEAD'));
    expect(asked()).toEqual(['tellPulls']);
  });
});

describe('without the binding REPOSITORIES', () => {
  it('each isolate counts alone', async () => {
    const variables = { ...OPEN, BLOBDESCRIPTOR: 'inmemory', REPOSITORIES: '', UPSTREAM_BUDGET: '2/6h' };
    const edge = createEdge(variables);
    const manifest = await pushManifest();
    await Promise.all([1, 2, 3].map(() => pull(edge, manifest.tagPath)));
    await pushManifest({ name: manifest.name });
    edge.clock.advance(10_000);
    expect(cacheStatusOf(await edge.fetch(manifest.tagPath, GET))).toContain('detail=budget');
    expect(await questionsAbout(manifest)).toEqual(['GET latest', 'HEAD latest']);
  });
});
