import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { rig, sha256 } from '../../support/push.ts';
import {
  manifestRequest,
  newManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
  uniqueManifest,
} from '../../support/pushManifest.ts';
import { ADDRESS, NO_REDIS, REDIS } from '../../support/redisStore.ts';
import { createScriptedServer } from '../../support/scripted.ts';
import { byPut, newBlob, putOf } from '../../support/uploading.ts';

const MIRROR = { ...REDIS, CLIENT_AUTH: 'anonymous', TAG_TTL: '10s' };
const TAGS = ['a', 'b', 'c', 'd'];
const DIGEST = 'docker-content-digest';

/** Pushes all tags into the manifest's repository. @returns a mirror that has stored all their pointers */
async function mirrorWithTags(manifest: PushedManifest): Promise<Edge> {
  const mirror = createEdge(MIRROR);
  for (const tag of TAGS) {
    await pushManifest({ name: manifest.name, tag });
    for (const accept of [OCI_MANIFEST, `${OCI_MANIFEST}, ${OCI_INDEX}`]) {
      await mirror.fetch(`/v2/${manifest.name}/manifests/${tag}`, manifestRequest('GET', accept));
    }
  }
  expect(await tagsNotStored(mirror, manifest)).toEqual([]);
  return mirror;
}

/** Requests all tags from the mirror, in two variants. @returns the tags for which it had to ask the origin */
async function tagsNotStored(mirror: Edge, { name, questions }: PushedManifest): Promise<string[]> {
  const before = (await questions()).length;
  for (const tag of TAGS) {
    for (const accept of [OCI_MANIFEST, `${OCI_INDEX},${OCI_MANIFEST}`]) {
      await mirror.fetch(`/v2/${name}/manifests/${tag}`, manifestRequest('HEAD', accept));
    }
  }
  const requested = (await questions()).slice(before).map((question) => question.split(' ')[1] ?? '');
  // Each tag once for each variant, or not at all.
  for (const tag of requested) expect(requested.filter((other) => other === tag)).toHaveLength(2);
  return [...new Set(requested)];
}

describe.skipIf(NO_REDIS)('the tags of a pushed manifest, at a mirror on the same Redis', () => {
  it.each<[what: string, target: string, tagHeader: string | undefined, dropped: string[]]>([
    ['the reference', 'a', undefined, ['a']],
    ['those of the query', 'DIGEST?tag=a&tag=b', undefined, ['a', 'b']],
    ['those that the origin names in OCI-Tag', 'DIGEST', 'b, c', ['b', 'c']],
    ['all of these', 'a?tag=b', 'c,c', ['a', 'b', 'c']],
    ['none, for a push by digest only', 'DIGEST', undefined, []],
    ['no invalid tags', 'DIGEST?tag=&tag=a%20b&tag=*', ' ,, a b', []],
  ])('are dropped before the reply: %s', async (_what, target, tagHeader, dropped) => {
    const manifest = await newManifest();
    const mirror = await mirrorWithTags(manifest);
    const headers = { [DIGEST]: manifest.digest, ...(tagHeader !== undefined && { 'oci-tag': tagHeader }) };
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status: 201, headers });
    const path = `/v2/${manifest.name}/manifests/${target.replace('DIGEST', manifest.digest)}`;
    const { answer, over } = createEdge(REDIS).send(path, putOf(manifest));
    expect((await answer).status).toBe(201);
    expect(await tagsNotStored(mirror, manifest)).toEqual(dropped);
    await over;
  });

  it('are dropped before the reply even if Redis is slow', async () => {
    const manifest = await newManifest();
    const mirror = await mirrorWithTags(manifest);
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status: 202 });
    const { url } = createScriptedServer({ forward: ADDRESS.url, waitMs: 400 });
    const edge = createEdge({ ...REDIS, UPSTASH_REDIS_REST_URL: url });
    const { answer, over } = edge.send(`/v2/${manifest.name}/manifests/a`, putOf(manifest));
    expect((await answer).status).toBe(202);
    expect(await tagsNotStored(mirror, manifest)).toEqual(['a']);
    await over;
  });

  it.each([
    ['a 202 drops the tag', 202, {}, ['a']],
    ['a 201 that is not stored drops the tag', 201, { cookie: 'a=b' }, ['a']],
    ['a refusal drops nothing', 400, {}, []],
    ['a 503 to a caller without a grant drops nothing', 503, {}, []],
  ])('%s', async (_what, status, headers, dropped) => {
    const manifest = await newManifest();
    const mirror = await mirrorWithTags(manifest);
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status });
    await createEdge(REDIS).fetch(`/v2/${manifest.name}/manifests/a`, putOf(manifest, headers));
    expect(await tagsNotStored(mirror, manifest)).toEqual(dropped);
  });

  it.each([
    ['a 503', { status: 503 }, false],
    ['a 408', { status: 408 }, false],
    ['no answer', { delayMs: 600 }, true],
  ])('are dropped, and stay so for a while, after %s to a caller with a grant', async (_what, rule, leaves) => {
    const manifest = await newManifest();
    const mirror = await mirrorWithTags(manifest);
    const edge = createEdge(REDIS);
    await edge.fetch(`/v2/${manifest.name}/manifests/b`, manifestRequest('HEAD'));
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', ...rule });
    const client = new AbortController();
    const init = { ...putOf(manifest), signal: client.signal };
    const { answer, over } = edge.send(`/v2/${manifest.name}/manifests/a`, init);
    if (leaves) setTimeout(() => client.abort(), 300);
    await answer.catch(() => undefined);
    await over.catch(() => undefined);
    // The origin may still accept the push, so its answers in the meantime are no pointers either.
    for (const ms of [0, 6_000, 2_000]) {
      mirror.clock.advance(ms);
      expect(await tagsNotStored(mirror, manifest)).toContain('a');
    }
  });

  it('name the pushed manifest, and not the one of an answer that was delayed until after the push', async () => {
    const [old, fresh] = [await pushManifest(), uniqueManifest()];
    const mirror = createEdge(MIRROR);
    const headers = { 'content-type': OCI_MANIFEST, [DIGEST]: old.digest, 'content-length': String(old.bytes.length) };
    const late = { prefix: old.tagPath, method: 'HEAD', status: 200, headers, holdAs: old.digest, times: 1 };
    await rig.rule(late);
    const delayed = mirror.send(old.tagPath, manifestRequest('HEAD'));
    await expect.poll(() => old.questions()).toEqual(['HEAD latest']);
    const closed = createEdge(REDIS);
    expect((await closed.fetch(old.tagPath, putOf({ bytes: fresh, mediaType: OCI_MANIFEST }))).status).toBe(201);
    await rig.release(old.digest);
    expect((await delayed.answer).headers.get(DIGEST)).toBe(old.digest);
    await delayed.over;
    const after = await mirror.fetch(old.tagPath, manifestRequest('HEAD'));
    expect(after.headers.get(DIGEST)).toBe(await sha256(fresh));
  });
});

/** Creates an edge, and collects the repositories whose lists it drops. */
function createEdgeWithDrops(): [edge: Edge, dropped: string[]] {
  const dropped: string[] = [];
  const edge = createEdge(
    {},
    {
      upstream: (upstream) => ({
        ...upstream,
        lists: {
          ...upstream.lists,
          drop(name) {
            dropped.push(name);
            upstream.lists.drop(name);
          },
        },
      }),
    },
  );
  return [edge, dropped];
}

describe('the lists of a repository', () => {
  it.each(['path', 'tagPath'] as const)('are dropped when a manifest is pushed by its %s', async (path) => {
    const manifest = await newManifest();
    const [edge, dropped] = createEdgeWithDrops();
    expect((await edge.fetch(manifest[path], putOf(manifest))).status).toBe(201);
    expect(dropped).toEqual([manifest.name]);
  });

  it('are not dropped when a manifest is refused, or a blob is uploaded', async () => {
    const [edge, dropped] = createEdgeWithDrops();
    const manifest = await newManifest({ bytes: 'no JSON' });
    expect((await edge.fetch(manifest.path, putOf(manifest))).status).toBe(400);
    await (await byPut(edge, await newBlob())).over;
    expect(dropped).toEqual([]);
  });
});
