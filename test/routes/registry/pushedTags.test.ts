import { describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../../support/edge.ts';
import { rig, sha256 } from '../../support/push.ts';
import {
  asking,
  newManifest,
  OCI_INDEX,
  OCI_MANIFEST,
  type PushedManifest,
  pushManifest,
  someManifest,
} from '../../support/pushManifest.ts';
import { ADDRESS, NO_REDIS, REDIS } from '../../support/redisStore.ts';
import { scripted } from '../../support/scripted.ts';
import { byPut, newBlob, putOf } from '../../support/uploading.ts';

const MIRROR = { ...REDIS, CLIENT_AUTH: 'anonymous', TAG_TTL: '10s' };
const TAGS = ['a', 'b', 'c', 'd'];
const DIGEST = 'docker-content-digest';

/** Repositories' tags and a mirror that knows where each of them leads. */
async function mirrorOf(manifest: PushedManifest): Promise<Edge> {
  const mirror = createEdge(MIRROR);
  for (const tag of TAGS) {
    await pushManifest({ name: manifest.name, tag });
    for (const accept of [OCI_MANIFEST, `${OCI_MANIFEST}, ${OCI_INDEX}`]) {
      await mirror.fetch(`/v2/${manifest.name}/manifests/${tag}`, asking('GET', accept));
    }
  }
  expect(await askedAnew(mirror, manifest)).toEqual([]);
  return mirror;
}

/** The tags for which the mirror has to ask, whatever types its callers take. */
async function askedAnew(mirror: Edge, { name, questions }: PushedManifest): Promise<string[]> {
  const before = (await questions()).length;
  for (const tag of TAGS) {
    for (const accept of [OCI_MANIFEST, `${OCI_INDEX},${OCI_MANIFEST}`]) {
      await mirror.fetch(`/v2/${name}/manifests/${tag}`, asking('HEAD', accept));
    }
  }
  const asked = (await questions()).slice(before).map((question) => question.split(' ')[1] ?? '');
  // Once for each variant, or not at all.
  for (const tag of asked) expect(asked.filter((other) => other === tag)).toHaveLength(2);
  return [...new Set(asked)];
}

describe.skipIf(NO_REDIS)('the tags of a manifest that was pushed, to a mirror on the same Redis', () => {
  it.each<[what: string, target: string, tagHeader: string | undefined, dropped: string[]]>([
    ['its reference', 'a', undefined, ['a']],
    ['those of its query', 'DIGEST?tag=a&tag=b', undefined, ['a', 'b']],
    ['those that the origin names', 'DIGEST', 'b, c', ['b', 'c']],
    ['all of these', 'a?tag=b', 'c,c', ['a', 'b', 'c']],
    ['none, by a digest alone', 'DIGEST', undefined, []],
    ['none that is no tag', 'DIGEST?tag=&tag=a%20b&tag=*', ' ,, a b', []],
  ])('lead nowhere before the reply: %s', async (_what, target, tagHeader, dropped) => {
    const manifest = await newManifest();
    const mirror = await mirrorOf(manifest);
    const headers = { [DIGEST]: manifest.digest, ...(tagHeader !== undefined && { 'oci-tag': tagHeader }) };
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status: 201, headers });
    const path = `/v2/${manifest.name}/manifests/${target.replace('DIGEST', manifest.digest)}`;
    const { answer, over } = createEdge(REDIS).send(path, putOf(manifest));
    expect((await answer).status).toBe(201);
    expect(await askedAnew(mirror, manifest)).toEqual(dropped);
    await over;
  });

  it('lead nowhere before the reply where Redis is slow', async () => {
    const manifest = await newManifest();
    const mirror = await mirrorOf(manifest);
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status: 202 });
    const { url } = scripted({ forward: ADDRESS.url, waitMs: 400 });
    const edge = createEdge({ ...REDIS, UPSTASH_REDIS_REST_URL: url });
    const { answer, over } = edge.send(`/v2/${manifest.name}/manifests/a`, putOf(manifest));
    expect((await answer).status).toBe(202);
    expect(await askedAnew(mirror, manifest)).toEqual(['a']);
    await over;
  });

  it.each([
    ['a 202', 202, {}, ['a']],
    ['what is not learnt', 201, { cookie: 'a=b' }, ['a']],
    ['a refusal', 400, {}, []],
    ['a 503', 503, {}, []],
  ])('after %s', async (_what, status, headers, dropped) => {
    const manifest = await newManifest();
    const mirror = await mirrorOf(manifest);
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', status });
    await createEdge(REDIS).fetch(`/v2/${manifest.name}/manifests/a`, putOf(manifest, headers));
    expect(await askedAnew(mirror, manifest)).toEqual(dropped);
  });

  it.each([
    ['a 503', { status: 503 }, false],
    ['a 408', { status: 408 }, false],
    ['no answer', { delayMs: 600 }, true],
  ])('lead nowhere, and go on so, after %s to a caller with a grant', async (_what, rule, leaves) => {
    const manifest = await newManifest();
    const mirror = await mirrorOf(manifest);
    const edge = createEdge(REDIS);
    await edge.fetch(`/v2/${manifest.name}/manifests/b`, asking('HEAD'));
    await rig.rule({ prefix: `/v2/${manifest.name}/manifests/`, method: 'PUT', ...rule });
    const client = new AbortController();
    const pushed = { ...putOf(manifest), signal: client.signal };
    const { answer, over } = edge.send(`/v2/${manifest.name}/manifests/a`, pushed);
    if (leaves) setTimeout(() => client.abort(), 300);
    await answer.catch(() => undefined);
    await over.catch(() => undefined);
    // It may be taken yet, so that what the origin tells meanwhile is no pointer either.
    for (const ms of [0, 6_000, 2_000]) {
      mirror.clock.advance(ms);
      expect(await askedAnew(mirror, manifest)).toContain('a');
    }
  });

  it('lead to what was pushed, and not to what an answer says that was held back over the push', async () => {
    const [old, fresh] = [await pushManifest(), someManifest()];
    const mirror = createEdge(MIRROR);
    const headers = { 'content-type': OCI_MANIFEST, [DIGEST]: old.digest, 'content-length': String(old.bytes.length) };
    const late = { prefix: old.tagPath, method: 'HEAD', status: 200, headers, holdAs: old.digest, times: 1 };
    await rig.rule(late);
    const asked = mirror.send(old.tagPath, asking('HEAD'));
    await expect.poll(() => old.questions()).toEqual(['HEAD latest']);
    const closed = createEdge(REDIS);
    expect((await closed.fetch(old.tagPath, putOf({ bytes: fresh, mediaType: OCI_MANIFEST }))).status).toBe(201);
    await rig.release(old.digest);
    expect((await asked.answer).headers.get(DIGEST)).toBe(old.digest);
    await asked.over;
    const now = await mirror.fetch(old.tagPath, asking('HEAD'));
    expect(now.headers.get(DIGEST)).toBe(await sha256(fresh));
  });
});

/** An edge that tells of which repositories it dropped the lists. */
function edgeWithLists(): [edge: Edge, dropped: string[]] {
  const dropped: string[] = [];
  const edge = createEdge(
    {},
    {
      upstream: (made) => ({
        ...made,
        lists: {
          ...made.lists,
          drop(name) {
            dropped.push(name);
            made.lists.drop(name);
          },
        },
      }),
    },
  );
  return [edge, dropped];
}

describe('the lists of a repository', () => {
  it.each(['path', 'tagPath'] as const)('are dropped when a manifest is pushed: by its %s', async (path) => {
    const manifest = await newManifest();
    const [edge, dropped] = edgeWithLists();
    expect((await edge.fetch(manifest[path], putOf(manifest))).status).toBe(201);
    expect(dropped).toEqual([manifest.name]);
  });

  it('stay when it is refused, and when a blob is uploaded', async () => {
    const [edge, dropped] = edgeWithLists();
    const manifest = await newManifest({ bytes: 'no JSON' });
    expect((await edge.fetch(manifest.path, putOf(manifest))).status).toBe(400);
    await (await byPut(edge, await newBlob())).over;
    expect(dropped).toEqual([]);
  });
});
