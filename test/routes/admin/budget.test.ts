import { describe, expect, it } from 'vitest';
import { createEdge } from '../../support/edge.ts';
import { OPEN } from '../../support/failingEdge.ts';
import { createPullIsolates, pull, tellLimit } from '../../support/pullIsolates.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { rig } from '../../support/push.ts';
import { pushManifest } from '../../support/pushManifest.ts';
import { storeNamed } from '../../support/stores.ts';

const GET = { headers: OPERATOR };
const HOUR_MS = 3_600_000;
const NOTHING = { limit: null, remaining: null, window: null, endsAt: null, counted: 0, knownBy: null };

/** Creates two isolates, and asks one of them as an operator. */
function isolates(variables: Record<string, string> = {}) {
  const { edges, clock, alias } = createPullIsolates(2, { ADMIN_TOKEN, ...variables });
  const [one, other = one] = edges;
  const path = `/_edge/budget?upstream=${alias}`;
  const show = async () => (await other.fetch(path, GET)).json();
  const later = (ms: number) => new Date(clock.now() + ms).toISOString();
  return { one, other, clock, path, show, later };
}

describe('/_edge/budget', () => {
  it('shows what all isolates have counted of a declared budget, until its window ends', async () => {
    const { one, show, later, clock } = isolates({ UPSTREAM_BUDGET: '100/6h' });
    const declared = { limit: 100, window: 21_600, knownBy: 'declared', limitedUntil: null, countedBy: 'all isolates' };
    expect(await show()).toEqual({ ...declared, remaining: 100, counted: 0, endsAt: null });
    const endsAt = later(6 * HOUR_MS);
    for (let n = 0; n < 2; n++) await pull(one, (await pushManifest()).tagPath);
    clock.advance(1_000);
    expect(await show()).toEqual({ ...declared, remaining: 98, counted: 2, endsAt });
    clock.advance(6 * HOUR_MS);
    expect(await show()).toEqual({ ...declared, remaining: 100, counted: 0, endsAt: null });
  });

  it('shows what headers tell, and until when the origin wants no requests', async () => {
    const { one, show, later } = isolates({ UPSTREAM_BUDGET: 'told' });
    expect(await show()).toEqual({ ...NOTHING, limitedUntil: null, countedBy: 'all isolates' });
    const manifest = await pushManifest();
    await tellLimit(manifest, 76);
    await pull(one, manifest.tagPath);
    const known = { limit: 100, window: 21_600, remaining: 76, knownBy: 'header', countedBy: 'all isolates' };
    expect(await show()).toEqual({ ...known, counted: 1, endsAt: later(6 * HOUR_MS), limitedUntil: null });
    const limited = await pushManifest();
    await rig.rule({ prefix: limited.tagPath, status: 429, headers: { 'retry-after': '60' } });
    await pull(one, limited.tagPath);
    expect(await show()).toMatchObject({ counted: 2, remaining: 75, limitedUntil: later(60_000) });
  });

  it.each(['kv', 'memory'])(
    'shows the same where the cache is in %s: pulls are counted in an object',
    async (store) => {
      const { one, show } = isolates({ ...storeNamed(store).variables, UPSTREAM_BUDGET: '100/6h' });
      await pull(one, (await pushManifest()).tagPath);
      expect(await show()).toMatchObject({ counted: 1, countedBy: 'all isolates' });
    },
  );

  it('shows what one isolate has counted, without the binding', async () => {
    const alone = { ...OPEN, ADMIN_TOKEN, BLOBDESCRIPTOR: 'inmemory', REPOSITORIES: '', UPSTREAM_BUDGET: '100/6h' };
    const edge = createEdge(alone);
    await pull(edge, (await pushManifest()).tagPath);
    expect(await (await edge.fetch('/_edge/budget', GET)).json()).toMatchObject({
      ...{ counted: 1, remaining: 99, countedBy: 'this isolate' },
    });
  });

  it('answers HEAD without a body, and no other method', async () => {
    const { one, path } = isolates();
    const head = await one.fetch(path, { ...GET, method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const post = await one.fetch(path, { ...GET, method: 'POST' });
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('is 401 without the token, and 404 without ADMIN_TOKEN', async () => {
    const { one, path } = isolates();
    expect((await one.fetch(path)).status).toBe(401);
    expect((await createEdge(OPEN).fetch('/_edge/budget', GET)).status).toBe(404);
  });

  it('is 404 where the origin counts the pulls of each caller, and 400 with a query that nobody knows', async () => {
    const edge = createEdge({ ADMIN_TOKEN });
    expect((await edge.fetch('/_edge/budget', GET)).status).toBe(404);
    expect((await edge.fetch('/_edge/budget?upstream=none', GET)).status).toBe(400);
    expect((await createEdge({ ...OPEN, ADMIN_TOKEN }).fetch('/_edge/budget?a=b', GET)).status).toBe(400);
  });
});
