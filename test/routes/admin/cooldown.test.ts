import { describe, expect, it } from 'vitest';
import { uniqueDigest } from '../../support/digests.ts';
import { FAILING_OBJECTS } from '../../support/durableStore.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../../support/pushManifest.ts';

const COOLED = { CLIENT_AUTH: 'anonymous', COOLDOWN: '3d', TAG_TTL: '0', ADMIN_TOKEN };

const pull = async (edge: Edge, { tagPath }: PushedManifest) =>
  (await edge.fetch(tagPath, manifestRequest('GET'))).headers.get('docker-content-digest');
const ask = (edge: Edge, path: string, init: RequestInit = { method: 'POST' }) =>
  edge.fetch(`/_edge/cooldown/${path}`, { headers: OPERATOR, ...init });

/** Moves a tag that was pulled. */
async function moved(edge: Edge) {
  const old = await pushManifest();
  await pull(edge, old);
  edge.clock.advance(1);
  const fresh = await pushManifest({ name: old.name });
  expect(await pull(edge, old)).toBe(old.digest);
  return { old, fresh };
}

describe('POST /_edge/cooldown/<name>:<tag>@<digest>', () => {
  it('lets the tag lead to the digest at once, which the log tells', async () => {
    const edge = createEdge(COOLED);
    const { old, fresh } = await moved(edge);
    const answer = await ask(edge, `${old.name}:latest@${fresh.digest}`);
    expect([answer.status, await answer.json()]).toEqual([
      200,
      {
        ...{ repository: old.name, tag: 'latest', leadsTo: fresh.digest },
        history: [
          expect.objectContaining({ digest: fresh.digest, counts: true, heldSeconds: 0 }),
          expect.objectContaining({ digest: old.digest, counts: true, released: null }),
        ],
      },
    ]);
    expect(await pull(edge, old)).toBe(fresh.digest);
    expect(edge.log.join()).toContain('an operator released a digest from the cooldown');
  });

  it('before the tag leads there makes it do so without a wait', async () => {
    const edge = createEdge(COOLED);
    const { old } = await moved(edge);
    edge.clock.advance(1);
    const next = await pushManifest({ name: old.name });
    await ask(edge, `${old.name}:latest@${next.digest}`);
    expect(await pull(edge, old)).toBe(next.digest);
  });

  it('is for one tag', async () => {
    const edge = createEdge(COOLED);
    const { old, fresh } = await moved(edge);
    await ask(edge, `${old.name}:other@${fresh.digest}`);
    expect(await pull(edge, old)).toBe(old.digest);
  });

  it.each<[path: string, init: RequestInit, status: number, code: string]>([
    ['a:latest@sha256:1', {}, 400, 'DIGEST_INVALID'],
    [`a:lat/est@${uniqueDigest()}`, {}, 400, 'TAG_INVALID'],
    [`A:latest@${uniqueDigest()}`, {}, 400, 'NAME_INVALID'],
    [`a@${uniqueDigest()}`, {}, 400, 'TAG_INVALID'],
    [`a:latest@${uniqueDigest()}?force=1`, {}, 400, 'REQUEST_INVALID'],
    [`a:latest@${uniqueDigest()}?upstream=none`, {}, 400, 'REQUEST_INVALID'],
    [`a:latest@${uniqueDigest()}`, { headers: {} }, 401, 'UNAUTHORIZED'],
    [`a:latest@${uniqueDigest()}`, { method: 'GET' }, 405, 'UNSUPPORTED'],
    ['a:latest', { method: 'POST' }, 405, 'UNSUPPORTED'],
  ])('with what is wrong changes nothing and says so: %s %o', async (path, init, status, code) => {
    const answer = await ask(createEdge(COOLED), path, { method: 'POST', ...init });
    expect([answer.status, await answer.json()]).toMatchObject([status, { errors: [{ code }] }]);
  });

  it('needs a cooldown, a store that answers, and an ADMIN_TOKEN', async () => {
    const path = `a:latest@${uniqueDigest()}`;
    const { COOLDOWN: _cooldown, ...uncooled } = COOLED;
    expect((await ask(createEdge(uncooled), path)).status).toBe(400);
    expect((await ask(createEdge(COOLED, { objects: FAILING_OBJECTS }), path)).status).toBe(503);
    const { ADMIN_TOKEN: _token, ...unguarded } = COOLED;
    expect((await ask(createEdge(unguarded), path)).status).toBe(404);
  });
});

describe('GET /_edge/cooldown/<name>:<tag>', () => {
  it('shows where the tag leads for callers that only pull, and its history', async () => {
    const edge = createEdge(COOLED);
    const { old, fresh } = await moved(edge);
    edge.clock.advance(90_000);
    await pull(edge, old);
    const answer = await ask(edge, `${old.name}:latest`, {});
    expect(await answer.json()).toMatchObject({
      leadsTo: old.digest,
      history: [
        { digest: fresh.digest, counts: false, heldSeconds: 90, released: null },
        { digest: old.digest, counts: true },
      ],
    });
    expect(await (await ask(edge, `${old.name}:never`, {})).json()).toMatchObject({ leadsTo: null, history: [] });
  });
});
