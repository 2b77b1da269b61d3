import { describe, expect, it } from 'vitest';
import { createClock } from '../support/context.ts';
import { cooled, DAY_MS, EVERYTHING, move, pull } from '../support/cooldown.ts';
import { interceptObjects } from '../support/durableStore.ts';
import { createEdge, type Edge, type EdgeOptions } from '../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from '../support/purge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../support/pushManifest.ts';
import { accessTo, createIssuer, verifying } from '../support/tokens.ts';

const mirror = (variables: Record<string, string> = {}, options: EdgeOptions = {}) =>
  cooled({ ADMIN_TOKEN, ...variables }, options);
const ask = (edge: Edge, path: string, headers = {}, method: 'GET' | 'HEAD' = 'GET') =>
  edge.fetch(path, manifestRequest(method, EVERYTHING, headers));

/** Returns the digests to which a tag has led, the last one first. */
async function historyOf(edge: Edge, { name }: PushedManifest): Promise<string[]> {
  const answer = await edge.fetch(`/_edge/cooldown/${name}:latest`, { headers: OPERATOR });
  return ((await answer.json()) as { history: { digest: string }[] }).history.map(({ digest }) => digest);
}

const issuer = await createIssuer();
/** An edge whose origin judges callers, a caller that only pulls there, and a tag that has moved. */
async function judged(variables: Record<string, string> = {}) {
  const edge = createEdge(
    verifying(issuer, { PULL_ONLY_SUBJECTS: 'reader', COOLDOWN: '3d', TAG_TTL: '0', ...variables }),
  );
  const old = await pushManifest();
  const token = await issuer.issue({ ...accessTo(old.name), sub: 'reader' });
  const reader = { authorization: `Bearer ${token}` };
  expect(await pull(edge, old, reader)).toBe(old.bytes);
  const moved = await move(edge, old);
  expect(await pull(edge, old, reader)).toBe(old.bytes);
  return { edge, old, moved, reader };
}

describe('a subject that only pulls', () => {
  it.each([{ cookie: 'a=b' }, { 'x-proxy-token': 'a' }])(
    'gets nothing newer with a further identity: %j',
    async (more) => {
      const { edge, old, moved, reader } = await judged({ COOLDOWN_DIGESTS: 'true' });
      expect(await pull(edge, old, { ...reader, ...more })).toBe(old.bytes);
      expect((await ask(edge, moved.path, { ...reader, ...more })).status).toBe(403);
    },
  );

  it('gets nothing newer where the origin has just refused it something else', async () => {
    const { edge, old, moved, reader } = await judged({ COOLDOWN_DIGESTS: 'true' });
    const locked = `/v2/${old.name}/manifests/locked`;
    await rig.rule({ prefix: locked, status: 403 });
    expect((await ask(edge, locked, reader)).status).toBe(403);
    expect(await pull(edge, old, reader)).toBe(old.bytes);
    expect((await ask(edge, locked, reader)).status).toBe(403);
    expect((await ask(edge, moved.path, reader)).status).toBe(403);
  });

  it('that the origin lets in no longer is told nothing of the history', async () => {
    const { edge, old, moved, reader } = await judged({ COOLDOWN_DIGESTS: 'true' });
    const other = { ...reader, cookie: 'a=b' };
    await rig.rule({ prefix: `/v2/${old.name}/`, status: 401, headers: { 'www-authenticate': 'Bearer realm="r"' } });
    for (const path of [old.tagPath, moved.path]) {
      const answer = await ask(edge, path, other);
      expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="r"']);
    }
  });

  it('moves no tag in the history with a further identity', async () => {
    const { edge, old, reader } = await judged();
    const newer = await move(edge, old);
    expect(await pull(edge, old, { ...reader, cookie: 'a=b' })).toBe(old.bytes);
    edge.clock.advance(3 * DAY_MS);
    const token = await issuer.issue({ ...accessTo(old.name), sub: 'reader', exp: edge.clock.now() / 1_000 + 60 });
    expect(await pull(edge, newer, { authorization: `Bearer ${token}` })).toBe(old.bytes);
  });
});

describe('a digest that is yanked', () => {
  it('begins anew when it is back', async () => {
    const old = await pushManifest();
    const edge = mirror();
    await pull(edge, old);
    const bad = await move(edge, old);
    expect(await pull(edge, old)).toBe(old.bytes);
    await rig.rule({ prefix: old.tagPath, status: 404, times: 1 });
    edge.clock.advance(1);
    expect(await pull(edge, old)).toBe(404);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(3 * DAY_MS - 1);
    expect(await pull(edge, old)).toBe(old.bytes);
    edge.clock.advance(1);
    expect(await pull(edge, old)).toBe(bad.bytes);
  });

  it('leaves what has been held before', async () => {
    const old = await pushManifest();
    const edge = mirror();
    await pull(edge, old);
    await rig.rule({ prefix: old.tagPath, status: 404, times: 1 });
    expect(await pull(edge, old)).toBe(404);
    await move(edge, old);
    expect(await pull(edge, old)).toBe(old.bytes);
  });
});

describe('a tag that never moves', () => {
  it('counts in time with COOLDOWN_UNKNOWN=deny, though the origin is not asked again', async () => {
    const manifest = await pushManifest({ tag: 'v1' });
    const edge = mirror({ COOLDOWN_UNKNOWN: 'deny', IMMUTABLE_TAGS: 'v*' });
    expect(await pull(edge, manifest)).toBe(403);
    edge.clock.advance(3 * DAY_MS);
    expect(await pull(edge, manifest)).toBe(manifest.bytes);
  });
});

describe('a cooldown that is only reported', () => {
  it('learns nothing from a client that accepts less than others', async () => {
    const old = await pushManifest();
    const clock = createClock(Date.now());
    const [reporting, enforcing] = [mirror({ POLICY_MODE: 'report' }, { clock }), mirror({}, { clock })];
    await pull(enforcing, old);
    const other = await pushManifest({ name: old.name, tag: 'other' });
    // As a registry does that answers with one manifest of an index.
    await rig.rule({
      prefix: old.tagPath,
      method: 'GET',
      status: 200,
      times: 1,
      body: other.bytes,
      headers: { 'content-type': other.mediaType, 'docker-content-digest': other.digest },
    });
    clock.advance(1);
    const narrow = await reporting.fetch(old.tagPath, manifestRequest('GET'));
    expect(await narrow.text()).toBe(other.bytes);
    clock.advance(3 * DAY_MS);
    const [seen, ...more] = await historyOf(enforcing, old);
    expect([seen, more]).toEqual([old.digest, []]);
  });

  it('waits for a slow history no longer than for the cache', async () => {
    const manifest = await pushManifest();
    const objects = interceptObjects((method, _args, call) =>
      method === 'readSightings' || method === 'see' ? new Promise(() => undefined) : call(),
    );
    const edge = mirror({ POLICY_MODE: 'report', COOLDOWN_DIGESTS: 'true', CACHE_TIMEOUT: '50ms' }, { objects });
    for (const path of [manifest.tagPath, manifest.path]) {
      const begin = performance.now();
      expect((await ask(edge, path)).status).toBe(200);
      expect(performance.now() - begin).toBeLessThan(800);
    }
  });
});
