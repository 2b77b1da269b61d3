import { env } from 'cloudflare:workers';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';
import type { KnownStore } from '../../../local/price/costs.ts';
import { COSTS } from '../../../local/price/costs.ts';
import { uniqueDigest, uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, type SentEvent, sendEvents } from '../../support/events.ts';
import { createMeteredEdge } from '../../support/metered.ts';
import { holdHead, pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, type PushedManifest, pushManifest } from '../../support/pushManifest.ts';
import { snapshot } from '../../support/redisStore.ts';
import { SHARED_STORES, STORES } from '../../support/stores.ts';
import { isHit, warm } from '../../support/warm.ts';

const HEAD = { method: 'HEAD' };
const MIRROR = { EVENTS_TOKEN, CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', LIST_TTL: '1h' };
const deleteAtOrigin = (path: string) => fetch(inject('originUrl') + path, { method: 'DELETE' });

/** Two kinds of caller, each by the variables of an edge. */
const CALLERS: [who: string, variables: Record<string, string>][] = [
  ['callers that may push', { EVENTS_TOKEN }],
  ['pull-only callers', MIRROR],
];

/** Pushes the same bytes as a blob and as a manifest, and another blob to the same repository. */
async function pushBoth() {
  const manifest = await pushManifest();
  const blob = await pushBlob(manifest.bytes, manifest.name);
  const other = await pushBlob(undefined, manifest.name);
  return { manifest, paths: [blob.path, manifest.path], digest: blob.digest, other, events: eventsOf(blob.name) };
}

describe.each(STORES)('the event of a delete by digest, cache in $name', ({ variables }) => {
  it.each(CALLERS)('clears the blob and the manifest, and no others, for %s', async (_who, who) => {
    const { paths, digest, other, events } = await pushBoth();
    const edge = createEdge({ ...variables, ...who });
    await warm(edge, ...paths, other.path);
    expect((await sendEvents(edge, events.deleted(digest))).status).toBe(204);
    for (const path of paths) expect([path, await isHit(edge, path)]).toEqual([path, false]);
    expect(await isHit(edge, other.path)).toBe(true);
  });

  it('takes effect at once, also for a tag that points to the manifest', async () => {
    const { manifest, paths, digest, events } = await pushBoth();
    const edge = createEdge({ ...variables, ...MIRROR });
    await warm(edge, ...paths, manifest.tagPath);
    for (const path of paths) expect((await deleteAtOrigin(path)).status).toBe(202);
    for (const path of [...paths, manifest.tagPath])
      expect((await edge.fetch(path, manifestRequest('HEAD'))).status).toBe(200);
    await sendEvents(edge, events.deleted(digest));
    // The event does not name the tag.
    for (const path of [...paths, manifest.tagPath])
      expect((await edge.fetch(path, manifestRequest('HEAD'))).status).toBe(404);
  });

  it('is not undone by a write-back in progress', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...variables, EVENTS_TOKEN });
    await holdHead(blob);
    const late = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await deleteAtOrigin(blob.path);
    expect((await sendEvents(edge, eventsOf(blob.name).deleted(blob.digest))).status).toBe(204);
    await rig.release(blob.digest);
    expect(cacheStatusOf(await late.answer)).toContain('stored');
    await late.over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('also outdates what is confirmed within 5 s after it, since clocks differ', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...variables, EVENTS_TOKEN });
    await sendEvents(edge, eventsOf(blob.name).deleted(blob.digest));
    edge.clock.advance(5_000);
    for (let n = 0; n < 2; n++) expect(await isHit(edge, blob.path)).toBe(false);
    edge.clock.advance(1);
    await warm(edge, blob.path);
  });
});

/** Resolves the tag `latest`. @returns the digest, and the number of requests to the origin */
async function resolve(edge: Edge, manifest: PushedManifest): Promise<{ digest: string | null; requests: number }> {
  const before = (await manifest.questions()).length;
  const response = await edge.fetch(manifest.tagPath, manifestRequest('HEAD'));
  await response.arrayBuffer();
  const requests = (await manifest.questions()).length - before;
  return { digest: response.headers.get('docker-content-digest'), requests };
}

describe.each(STORES)('events about a tag, for pull-only callers, cache in $name', ({ variables }) => {
  it.each<[string, (manifest: PushedManifest) => SentEvent]>([
    ['a push with the tag', ({ name, digest }) => eventsOf(name).pushed(digest, 'latest')],
    ['a delete of the tag', ({ name }) => eventsOf(name).untagged('latest')],
    ['a delete of its repository', ({ name }) => eventsOf(name).repositoryDeleted()],
  ])('%s makes the edge ask where the tag points', async (_what, eventAbout) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...MIRROR });
    await warm(edge, manifest.tagPath);
    const moved = await pushManifest({ name: manifest.name });
    expect(await resolve(edge, moved)).toEqual({ digest: manifest.digest, requests: 0 });
    expect((await sendEvents(edge, eventAbout(moved))).status).toBe(204);
    expect(await resolve(edge, moved)).toEqual({ digest: moved.digest, requests: 1 });
  });

  it('a push without the tag, and events about other tags and repositories, leave the tag cached', async () => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...variables, ...MIRROR });
    await warm(edge, manifest.tagPath, manifest.path);
    const { pushed, untagged } = eventsOf(manifest.name);
    const elsewhere = eventsOf(`${manifest.name}x`);
    await sendEvents(edge, pushed(manifest.digest), pushed(manifest.digest, 'latest2'), untagged('lates'));
    await sendEvents(
      edge,
      elsewhere.pushed(manifest.digest, 'latest'),
      elsewhere.repositoryDeleted(),
      elsewhere.deleted(manifest.digest),
    );
    for (const path of [manifest.tagPath, manifest.path]) expect(await isHit(edge, path)).toBe(true);
  });
});

describe.each(STORES)('the event of a repository delete, cache in $name', ({ variables }) => {
  it('clears everything in the repository, and nothing in others', async () => {
    const { manifest, paths, other, events } = await pushBoth();
    const near = await pushBlob(undefined, `${manifest.name}x`);
    const below = await pushBlob(undefined, `${manifest.name}/x`);
    const edge = createEdge({ ...variables, ...MIRROR });
    const own = [...paths, manifest.tagPath, other.path];
    await warm(edge, ...own, near.path, below.path);
    expect((await sendEvents(edge, events.repositoryDeleted())).status).toBe(204);
    for (const path of own) expect([path, await isHit(edge, path)]).toEqual([path, false]);
    for (const path of [near.path, below.path]) expect([path, await isHit(edge, path)]).toEqual([path, true]);
  });
});

describe('events and the lists of a repository', () => {
  const digest = uniqueDigest();
  it.each<[string, boolean, (events: ReturnType<typeof eventsOf>) => SentEvent]>([
    ['a push with a tag', false, (events) => events.pushed(digest, 'v1')],
    ['a push without a tag, perhaps of a manifest with a subject', false, (events) => events.pushed(digest)],
    ['a delete by digest', false, (events) => events.deleted(digest)],
    ['a delete of a tag', false, (events) => events.untagged('v1')],
    ['a delete of the repository', false, (events) => events.repositoryDeleted()],
    ['a push of a blob', true, (events) => events.pushedBlob(digest)],
    ['a pull', true, (events) => events.pulled(digest, 'v1')],
    ['a mount', true, (events) => events.mounted(digest)],
  ])('%s: the lists stay cached: %s', async (_what, isKept, eventOf) => {
    const [name, other] = [uniqueName(), uniqueName()];
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
    await sendEvents(edge, eventOf(eventsOf(name)));
    expect(await hits()).toEqual([isKept, isKept, true, true]);
  });
});

describe('events and flights in progress', () => {
  it.each<[string, number, (name: string, digest: string) => SentEvent]>([
    ['a delete by digest', 2, (name, digest) => eventsOf(name).deleted(digest)],
    ['a delete of a tag', 2, (name) => eventsOf(name).untagged('v1')],
    ['a push', 2, (name) => eventsOf(name).pushed(uniqueDigest())],
    ['a delete of the repository', 2, (name) => eventsOf(name).repositoryDeleted()],
    ['a pull', 1, (name, digest) => eventsOf(name).pulledBlob(digest)],
    ['a delete in another repository', 1, (name, digest) => eventsOf(`${name}x`).deleted(digest)],
  ])('%s: a HEAD before and one after it ask the origin %i times in total', async (_what, times, eventOf) => {
    const blob = await pushBlob();
    const edge = createEdge({ EVENTS_TOKEN });
    await holdHead(blob);
    const before = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    await sendEvents(edge, eventOf(blob.name, blob.digest));
    const after = edge.send(blob.path, HEAD);
    await new Promise((resolve) => setTimeout(resolve, 100));
    await rig.release(blob.digest);
    expect([(await before.answer).status, (await after.answer).status]).toEqual([200, 200]);
    expect(await blob.asked()).toBe(times);
    await Promise.all([before.over, after.over]);
  });
});

describe.each(SHARED_STORES)('the cost of events, cache in $name', ({ name: backend }) => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('is nothing for events that change nothing cached', async () => {
    const [name, digest] = [uniqueName(), uniqueDigest()];
    const { pulled, pulledBlob, pushed, pushedBlob, mounted, deleted } = eventsOf(name);
    const edge = createMeteredEdge(backend, { EVENTS_TOKEN });
    await sendEvents(
      edge,
      pulled(digest, 'v1'),
      pulledBlob(digest),
      pushedBlob(digest),
      pushed(digest),
      mounted(digest),
    );
    await sendEvents(edge, deleted('sha999:abcd'));
    expect(edge.spent()).toEqual(COSTS.memory.warm);
    await sendEvents(edge, deleted(digest));
    expect(edge.spent().operations.writes).toBeGreaterThan(0);
  });
});

/** Reads what each store holds about a repository, except tombstones. */
const REMAINDERS: Record<KnownStore, (name: string) => Promise<unknown[]>> = {
  memory: async () => [],
  async kv(name) {
    const { keys } = await env.DESCRIPTORS.list();
    return keys.map((key) => key.name).filter((key) => key.includes(name) && !key.startsWith('cleared::'));
  },
  // An object shows nothing but answers, which the test reads.
  durable: async () => [],
  async redis(name) {
    const hashes = Object.values(await snapshot(name)) as Record<string, string>[];
    return hashes.flatMap((fields) => Object.keys(fields)).filter((field) => field !== 'cleared');
  },
};

describe.each(STORES)('events about unknown content, cache in $name', ({ like, variables }) => {
  it.each(CALLERS)('add nothing to the cache: the origin answers %s', async (_who, who) => {
    const { name } = await pushBlob();
    const digest = uniqueDigest();
    const edge = createEdge({ ...variables, ...who });
    const { pushed, pushedBlob, pulled, pulledBlob, mounted, deleted, untagged, repositoryDeleted } = eventsOf(name);
    await sendEvents(
      edge,
      pushed(digest, 'v1'),
      pushedBlob(digest),
      pulled(digest, 'v1'),
      pulledBlob(digest),
      mounted(digest),
    );
    await sendEvents(edge, deleted(digest), untagged('v1'), repositoryDeleted(), pushed(digest, 'v1'), mounted(digest));
    expect(await REMAINDERS[like](name)).toEqual([]);
    // A list proves no access to content, so a caller that may push still asks as a stranger.
    expect((await edge.fetch(`/v2/${name}/tags/list`)).status).toBe(200);
    const paths = [`/v2/${name}/blobs/${digest}`, `/v2/${name}/manifests/${digest}`, `/v2/${name}/manifests/v1`];
    for (const path of paths) {
      expect((await edge.fetch(path, manifestRequest('HEAD'))).status).toBe(404);
      expect((await rig.requests(path)).map((request) => request.method)).toEqual(['HEAD']);
    }
  });
});
