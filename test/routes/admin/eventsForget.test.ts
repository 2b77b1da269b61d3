import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import { COSTS } from '../../support/costs.ts';
import { someDigest, someName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, type SentEvent, tell } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { asking, type PushedManifest, pushManifest, STORES } from '../../support/pushManifest.ts';
import { NO_REDIS, snapshot } from '../../support/redisStore.ts';

const HEAD = { method: 'HEAD' };
const TOLD = { EVENTS_TOKEN };
const MIRROR = { ...TOLD, CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };
const atOrigin = (path: string, method: string) => fetch(inject('originUrl') + path, { method });

/** Whether the next HEAD is answered without the origin. */
async function isKnown(edge: Edge, path: string): Promise<boolean> {
  return cacheStatusOf(await edge.fetch(path, asking('HEAD')))?.includes('registry-edge; hit') ?? false;
}

/** Makes the edge know what is at each path. */
async function learn(edge: Edge, ...paths: string[]): Promise<void> {
  for (const path of paths) {
    await edge.fetch(path, asking('HEAD'));
    expect([path, await isKnown(edge, path)]).toEqual([path, true]);
  }
}

/** One body that is a blob as well as a manifest, the paths of both, and a blob of the same repository. */
async function pushBoth() {
  const manifest = await pushManifest();
  const blob = await pushBlob(manifest.bytes, manifest.name);
  const other = await pushBlob(undefined, manifest.name);
  return { manifest, paths: [blob.path, manifest.path], digest: blob.digest, other, events: eventsOf(blob.name) };
}

describe.each(STORES)('notifications, cache in %s: a delete by digest', (_store, variables) => {
  it.each([
    ['callers that may push', TOLD],
    ['callers who only pull', MIRROR],
  ])('clears blob and manifest, and no other, to %s', async (_who, who) => {
    const { paths, digest, other, events } = await pushBoth();
    const edge = createEdge({ ...variables, ...who });
    await learn(edge, ...paths, other.path);
    expect((await tell(edge, events.deleted(digest))).status).toBe(204);
    for (const path of paths) expect([path, await isKnown(edge, path)]).toEqual([path, false]);
    expect(await isKnown(edge, other.path)).toBe(true);
  });

  it('is seen at once', async () => {
    const { manifest, paths, digest, events } = await pushBoth();
    const edge = createEdge({ ...variables, ...MIRROR });
    await learn(edge, ...paths, manifest.tagPath);
    for (const path of paths) expect((await atOrigin(path, 'DELETE')).status).toBe(202);
    for (const path of [...paths, manifest.tagPath]) expect((await edge.fetch(path, asking('HEAD'))).status).toBe(200);
    await tell(edge, events.deleted(digest));
    // The tag, too, though nothing was said of it.
    for (const path of [...paths, manifest.tagPath]) expect((await edge.fetch(path, asking('HEAD'))).status).toBe(404);
  });

  it('is not undone by a write-back that is under way', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...variables, ...TOLD });
    const headers = { 'content-length': String(blob.bytes.length), 'content-type': 'application/octet-stream' };
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 200, headers, holdAs: blob.digest, times: 1 });
    const late = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await atOrigin(blob.path, 'DELETE');
    expect((await tell(edge, eventsOf(blob.name).deleted(blob.digest))).status).toBe(204);
    await rig.release(blob.digest);
    expect(cacheStatusOf(await late.answer)).toContain('stored');
    await late.over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('lets a clock lag behind: what was confirmed a little after it does not count either', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...variables, ...TOLD });
    await tell(edge, eventsOf(blob.name).deleted(blob.digest));
    edge.clock.advance(5_000);
    for (let n = 0; n < 2; n++) expect(await isKnown(edge, blob.path)).toBe(false);
    edge.clock.advance(1);
    await learn(edge, blob.path);
  });
});

/** Where the tag `latest` leads: the status, and what the origin was asked for it. */
async function resolve(edge: Edge, manifest: PushedManifest): Promise<{ digest: string | null; asked: number }> {
  const before = (await manifest.questions()).length;
  const response = await edge.fetch(manifest.tagPath, asking('HEAD'));
  await response.arrayBuffer();
  const asked = (await manifest.questions()).length - before;
  return { digest: response.headers.get('docker-content-digest'), asked };
}

describe.each(STORES)('notifications, cache in %s: a tag, to callers who only pull', (_store, variables) => {
  it.each<[string, (manifest: PushedManifest) => SentEvent]>([
    ['a manifest was pushed with it', ({ name, digest }) => eventsOf(name).pushed(digest, 'latest')],
    ['it was deleted', ({ name }) => eventsOf(name).untagged('latest')],
    ['its repository was deleted', ({ name }) => eventsOf(name).gone()],
  ])('is asked for again when %s', async (_what, eventAbout) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...MIRROR });
    await learn(edge, manifest.tagPath);
    const moved = await pushManifest({ name: manifest.name });
    expect(await resolve(edge, moved)).toEqual({ digest: manifest.digest, asked: 0 });
    expect((await tell(edge, eventAbout(moved))).status).toBe(204);
    expect(await resolve(edge, moved)).toEqual({ digest: moved.digest, asked: 1 });
  });

  it('is not, when another one was pushed or deleted, or the manifest without it', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...MIRROR });
    await learn(edge, manifest.tagPath, manifest.path);
    const { pushed, untagged } = eventsOf(manifest.name);
    const elsewhere = eventsOf(`${manifest.name}x`);
    await tell(edge, pushed(manifest.digest), pushed(manifest.digest, 'latest2'), untagged('lates'));
    await tell(edge, elsewhere.pushed(manifest.digest, 'latest'), elsewhere.gone(), elsewhere.deleted(manifest.digest));
    for (const path of [manifest.tagPath, manifest.path]) expect(await isKnown(edge, path)).toBe(true);
  });
});

describe.each(STORES)('notifications, cache in %s: a repository that was deleted', (_store, variables) => {
  it('is forgotten, all of it, and no other is', async () => {
    const { manifest, paths, other, events } = await pushBoth();
    const near = await pushBlob(undefined, `${manifest.name}x`);
    const below = await pushBlob(undefined, `${manifest.name}/x`);
    const edge = createEdge({ ...variables, ...MIRROR });
    const own = [...paths, manifest.tagPath, other.path];
    await learn(edge, ...own, near.path, below.path);
    expect((await tell(edge, events.gone())).status).toBe(204);
    for (const path of own) expect([path, await isKnown(edge, path)]).toEqual([path, false]);
    for (const path of [near.path, below.path]) expect([path, await isKnown(edge, path)]).toEqual([path, true]);
  });
});

describe('notifications: lists', () => {
  const digest = someDigest();
  it.each<[string, boolean, (events: ReturnType<typeof eventsOf>) => SentEvent]>([
    ['a push with a tag', false, (events) => events.pushed(digest, 'v1')],
    ['a push without one, perhaps of what has a subject', false, (events) => events.pushed(digest)],
    ['a delete by digest', false, (events) => events.deleted(digest)],
    ['a delete of a tag', false, (events) => events.untagged('v1')],
    ['a delete of the repository', false, (events) => events.gone()],
    ['a push of a blob', true, (events) => events.pushedBlob(digest)],
    ['a pull', true, (events) => events.pulled(digest, 'v1')],
    ['a mount', true, (events) => events.mounted(digest)],
  ])('%s: still known is %s', async (_what, isKept, eventOf) => {
    const [name, other] = [someName(), someName()];
    const listsOf = (repository: string) => [`/v2/${repository}/tags/list`, `/v2/${repository}/referrers/${digest}`];
    const edge = createEdge({ ...MIRROR, BLOBDESCRIPTOR: 'inmemory' });
    const lists = [...listsOf(name), ...listsOf(other)];
    for (const prefix of lists) await rig.rule({ prefix, status: 200, body: '{"manifests":[{}],"tags":["v1"]}' });
    const hits = async () => {
      const answers = await Promise.all(lists.map((path) => edge.fetch(path)));
      return answers.map((answer) => cacheStatusOf(answer) === 'registry-edge; hit');
    };
    await hits();
    expect(await hits()).toEqual([true, true, true, true]);
    await tell(edge, eventOf(eventsOf(name)));
    expect(await hits()).toEqual([isKept, isKept, true, true]);
  });
});

describe('notifications: open flights', () => {
  it.each<[string, number, (name: string, digest: string) => SentEvent]>([
    ['a delete by digest', 2, (name, digest) => eventsOf(name).deleted(digest)],
    ['a delete of a tag', 2, (name) => eventsOf(name).untagged('v1')],
    ['a push', 2, (name) => eventsOf(name).pushed(someDigest())],
    ['a delete of the repository', 2, (name) => eventsOf(name).gone()],
    ['a pull', 1, (name, digest) => eventsOf(name).pulledBlob(digest)],
    ['a delete in another repository', 1, (name, digest) => eventsOf(`${name}x`).deleted(digest)],
  ])('after %s the same question is asked %i times in all', async (_what, times, eventOf) => {
    const blob = await pushBlob();
    const edge = createEdge(TOLD);
    const headers = { 'content-length': String(blob.bytes.length), 'content-type': 'application/octet-stream' };
    await rig.rule({ prefix: blob.path, method: 'HEAD', status: 200, headers, holdAs: blob.digest, times: 1 });
    const before = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await tell(edge, eventOf(blob.name, blob.digest));
    const after = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.release(blob.digest);
    expect([(await before.answer).status, (await after.answer).status]).toEqual([200, 200]);
    expect(await blob.asked()).toBe(times);
    await Promise.all([before.over, after.over]);
  });
});

const BACKENDS = ['kv', ...(NO_REDIS ? [] : (['redis'] as const))] as const;

describe.each(BACKENDS)('notifications: what an event costs: %s', (backend) => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('nothing at all, where nothing can have changed', async () => {
    const [name, digest] = [someName(), someDigest()];
    const { pulled, pulledBlob, pushed, pushedBlob, mounted, deleted } = eventsOf(name);
    const edge = createMeteredEdge(backend, TOLD);
    await tell(edge, pulled(digest, 'v1'), pulledBlob(digest), pushedBlob(digest), pushed(digest), mounted(digest));
    await tell(edge, deleted('sha999:abcd'));
    expect(edge.spent()).toEqual(COSTS.memory.warm);
    await tell(edge, deleted(digest));
    expect(edge.spent().operations.writes).toBeGreaterThan(0);
  });
});

/** What a store says of a repository beside that it was cleared. */
const LEFT: Record<string, (name: string) => Promise<unknown[]>> = {
  memory: async () => [],
  async kv(name) {
    const { keys } = await env.DESCRIPTORS.list();
    return keys.map((key) => key.name).filter((key) => key.includes(name) && !key.startsWith('cleared::'));
  },
  async redis(name) {
    const hashes = Object.values(await snapshot(name)) as Record<string, string>[];
    return hashes.flatMap((fields) => Object.keys(fields)).filter((field) => field !== 'cleared');
  },
};

describe.each(STORES)('notifications, cache in %s: an event seeds nothing', (store, variables) => {
  it.each([
    ['callers that may push', TOLD],
    ['callers who only pull', MIRROR],
  ])('of unknown content, of any kind: the origin is asked by %s', async (_who, who) => {
    const { name } = await pushBlob();
    const digest = someDigest();
    const edge = createEdge({ ...variables, ...who });
    const { pushed, pushedBlob, pulled, pulledBlob, mounted, deleted, untagged, gone } = eventsOf(name);
    await tell(
      edge,
      pushed(digest, 'v1'),
      pushedBlob(digest),
      pulled(digest, 'v1'),
      pulledBlob(digest),
      mounted(digest),
    );
    await tell(edge, deleted(digest), untagged('v1'), gone(), pushed(digest, 'v1'), mounted(digest));
    expect(await LEFT[store]?.(name)).toEqual([]);
    // With a grant, earned where nothing of this is known.
    expect((await edge.fetch(`/v2/${name}/tags/list`)).status).toBe(200);
    const paths = [`/v2/${name}/blobs/${digest}`, `/v2/${name}/manifests/${digest}`, `/v2/${name}/manifests/v1`];
    for (const path of paths) {
      expect((await edge.fetch(path, asking('HEAD'))).status).toBe(404);
      expect((await rig.requests(path)).map((request) => request.method)).toEqual(['HEAD']);
    }
  });
});
