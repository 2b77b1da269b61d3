import { describe, expect, it } from 'vitest';
import type { Budget } from '../../../src/http/body/budget.ts';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge } from '../../support/edge.ts';
import { EVENTS_TOKEN, sendEvents } from '../../support/events.ts';
import { someImage, stubImageExists, stubManifestRefusal } from '../../support/healing.ts';
import { rig } from '../../support/push.ts';
import {
  manifestRequest,
  newManifest,
  OCI_MANIFEST,
  pushManifest,
  UNCHECKED,
  uniqueManifest,
} from '../../support/pushManifest.ts';
import { SHARED_STORES, STORES } from '../../support/stores.ts';
import { putOf } from '../../support/uploading.ts';

const MIB = 1024 * 1024;
/** The most bytes of bodies that an isolate holds. */
const BUDGET = 32 * MIB;
const LARGE = 4 * MIB - 1_000;
const GET = manifestRequest('GET');

/** Creates an edge, with access to its budget. */
function createObservedEdge(variables: Record<string, string>): { edge: Edge; bodies: Budget; upstream: Upstream } {
  let upstream: Upstream | undefined;
  const edge = createEdge(variables, {
    upstream(made) {
      upstream = made;
      return made;
    },
  });
  if (!upstream) throw new TypeError('createEdge did not call `upstream`');
  return { edge, bodies: upstream.bodies, upstream };
}

/** Awaits all answers before it reads any. @returns the most bytes that were held meanwhile */
async function maxHeld(
  bodies: Budget,
  sent: readonly { answer: Promise<Response>; over: Promise<void> }[],
  isExpected: (response: Response) => Promise<boolean>,
): Promise<number> {
  let most = 0;
  const watch = setInterval(() => {
    most = Math.max(most, bodies.heldBytes);
  }, 1);
  const answers = await Promise.all(sent.map(({ answer }) => answer));
  most = Math.max(most, bodies.heldBytes);
  clearInterval(watch);
  for (const answer of answers) expect(await isExpected(answer)).toBe(true);
  await Promise.all(sent.map(({ over }) => over));
  return most;
}

const largeManifests = (count: number) =>
  Promise.all(Array.from({ length: count }, () => pushManifest({ bytes: uniqueManifest(LARGE) })));
const hasLength = (length: number) => async (response: Response) =>
  response.status === 200 && (await response.bytes()).length === length;

describe('one budget bounds, and afterwards frees, the bytes of', () => {
  it('manifests from the origin, to clients that do not read', { timeout: 60_000 }, async () => {
    const manifests = await largeManifests(14);
    const { edge, bodies } = createObservedEdge({ CACHE_TIMEOUT: '10s' });
    const sent = manifests.map(({ path }) => edge.send(path, GET));
    const most = await maxHeld(bodies, sent, hasLength(manifests[0]?.bytes.length ?? 0));
    expect(most).toBeGreaterThan(4 * LARGE);
    expect(most).toBeLessThanOrEqual(BUDGET);
    await expect.poll(() => bodies.heldBytes).toBe(0);
  });

  it.each(SHARED_STORES)(
    'manifests from $name, to clients that do not read',
    { timeout: 60_000 },
    async ({ variables }) => {
      const manifests = await largeManifests(14);
      const first = createObservedEdge(variables);
      for (const { path } of manifests) await (await first.edge.fetch(path, GET)).bytes();
      const { edge, bodies } = createObservedEdge(variables);
      for (const { name } of manifests) await edge.fetch((await pushManifest({ name, tag: 'other' })).path, GET);
      const sent = manifests.map(({ path }) => edge.send(path, GET));
      const most = await maxHeld(bodies, sent, hasLength(manifests[0]?.bytes.length ?? 0));
      expect(most).toBeGreaterThan(4 * LARGE);
      expect(most).toBeLessThanOrEqual(BUDGET);
      await expect.poll(() => bodies.heldBytes).toBe(0);
    },
  );

  it('one manifest for many clients, which counts once', { timeout: 60_000 }, async () => {
    const [manifest] = await largeManifests(1);
    if (!manifest) throw new TypeError('no manifest was pushed');
    const { edge, bodies } = createObservedEdge({ BLOBDESCRIPTOR: 'inmemory' });
    const holdAs = crypto.randomUUID();
    await rig.rule({ prefix: manifest.path, holdAs, times: 1 });
    const sent = Array.from({ length: 30 }, () => edge.send(manifest.path, GET));
    await rig.release(holdAs);
    const most = await maxHeld(bodies, sent, hasLength(manifest.bytes.length));
    expect(most).toBe(manifest.bytes.length);
    expect(await manifest.questions()).toHaveLength(1);
    await expect.poll(() => bodies.heldBytes).toBe(0);
  });

  it.each([
    ['that do not read', ({ body }: Response) => body?.getReader()],
    ['that leave', ({ body }: Response) => body?.cancel()],
  ])('content that does not match its digest, to clients %s', async (who, consume) => {
    const { edge, bodies } = createObservedEdge({ BLOBDESCRIPTOR: 'inmemory' });
    const { name, digest } = await pushManifest();
    const prefix = `/v2/${name}/manifests/${digest}`;
    const body = uniqueManifest(MIB);
    await rig.rule({ prefix, status: 200, headers: { 'content-type': OCI_MANIFEST }, body });
    const { answer, over } = edge.send(prefix, GET);
    const response = await answer;
    await over;
    expect(bodies.heldBytes).toBe(body.length);
    const reader = await consume(response);
    if (who === 'that do not read') expect(bodies.heldBytes).toBe(body.length);
    let length = 0;
    for (let piece = await reader?.read(); piece?.value; piece = await reader?.read()) length += piece.value.length;
    expect(length).toBe(reader ? body.length : 0);
    await expect.poll(() => bodies.heldBytes).toBe(0);
  });

  it('manifests that clients push', { timeout: 60_000 }, async () => {
    const manifests = await Promise.all(
      Array.from({ length: 14 }, () => newManifest({ bytes: uniqueManifest(LARGE) })),
    );
    const { edge, bodies } = createObservedEdge({ BLOBDESCRIPTOR: 'inmemory' });
    const sent = manifests.map((manifest) => edge.send(manifest.path, putOf(manifest)));
    const most = await maxHeld(bodies, sent, async ({ status }) => status === 201);
    expect(most).toBeGreaterThan(LARGE);
    expect(most).toBeLessThanOrEqual(BUDGET);
    await expect.poll(() => bodies.heldBytes).toBe(0);
  });
});

describe('with an exhausted budget', () => {
  /** Creates an edge whose budget another request holds from `fill` until `leave`. */
  function createFullEdge(variables: Record<string, string>) {
    const { edge, bodies } = createObservedEdge(variables);
    const ctx = contextOf(createClock(Date.now()));
    const room = bodies.room(ctx);
    return { edge, fill: () => expect(room.resize(BUDGET)).toBe(true), leave: () => ctx.markAnswered() };
  }

  it.each(STORES)('a manifest from the origin is relayed and not cached in $name', async ({ variables }) => {
    const manifest = await pushManifest();
    const { edge, fill } = createFullEdge(variables);
    fill();
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(manifest.path, GET);
      expect([response.status, await response.text()]).toEqual([200, manifest.bytes]);
      expect(response.headers.get('docker-content-digest')).toBe(manifest.digest);
      expect(cacheStatusOf(response)).not.toContain('stored');
    }
    expect(await manifest.questions()).toHaveLength(2);
  });

  it.each(SHARED_STORES)('a manifest that $name has comes from the origin', async ({ variables }) => {
    const manifest = await pushManifest();
    await createEdge(variables).fetch(manifest.path, GET);
    const { edge, fill } = createFullEdge(variables);
    await edge.fetch((await pushManifest({ name: manifest.name, tag: 'other' })).path, GET);
    fill();
    const response = await edge.fetch(manifest.path, GET);
    expect([response.status, await response.text()]).toEqual([200, manifest.bytes]);
    expect(cacheStatusOf(response)).toBe('registry-edge; fwd=miss');
  });

  it('a manifest that a client pushes is forwarded and not cached', async () => {
    const manifest = await newManifest();
    const { edge, fill } = createFullEdge({ BLOBDESCRIPTOR: 'inmemory', ...UNCHECKED });
    fill();
    expect((await edge.fetch(manifest.path, putOf(manifest))).status).toBe(201);
    const before = (await manifest.questions()).length;
    expect((await edge.fetch(manifest.path, manifestRequest('HEAD'))).status).toBe(200);
    expect((await manifest.questions()).length).toBe(before + 1);
  });

  it('a manifest that has to be checked waits for room, and gets a 413 where there is none in time', async () => {
    const [manifest, other] = [await newManifest(), await newManifest()];
    const { edge, fill, leave } = createFullEdge({ BLOBDESCRIPTOR: 'inmemory' });
    fill();
    const refused = await edge.fetch(manifest.path, putOf(manifest));
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([413, '5']);
    expect(await refused.json()).toMatchObject({ errors: [{ code: 'MANIFEST_INVALID' }] });
    const late = edge.fetch(other.path, putOf(other));
    leave();
    expect((await late).status).toBe(201);
    expect([await manifest.questions(), await other.questions()]).toEqual([[], [`PUT ${other.digest}`]]);
  });

  it('a list is relayed and not cached', async () => {
    const path = `/v2/${uniqueName()}/tags/list`;
    await rig.rule({ prefix: path, status: 200, body: '{"tags":["a"]}' });
    const { edge, fill } = createFullEdge({ CLIENT_AUTH: 'anonymous', LIST_TTL: '30s' });
    fill();
    for (let n = 0; n < 2; n++) expect(await (await edge.fetch(path)).text()).toBe('{"tags":["a"]}');
    expect(await rig.requests(path)).toHaveLength(2);
  });

  it('a refusal is relayed unread', async () => {
    const image = await someImage();
    await stubImageExists(image);
    await stubManifestRefusal(image, { body: 'no such thing', status: 404 });
    const { edge, fill } = createFullEdge({ BLOBDESCRIPTOR: 'inmemory', ...UNCHECKED });
    fill();
    const response = await edge.fetch(image.path, putOf({ bytes: image.bytes, mediaType: 'text/plain' }));
    expect([response.status, await response.text()]).toEqual([404, 'no such thing']);
  });

  it('an envelope of events waits for room, and gets a 503 where there is none in time', async () => {
    const { edge, fill, leave } = createFullEdge({ BLOBDESCRIPTOR: 'inmemory', EVENTS_TOKEN });
    fill();
    expect((await sendEvents(edge)).status).toBe(503);
    const late = sendEvents(edge);
    leave();
    expect((await late).status).toBe(204);
  });
});

describe("an isolate's memory", () => {
  it('stores no content with a descriptor, since its bound would not count that', async () => {
    const { path, name, digest } = await pushManifest({ bytes: uniqueManifest(MIB) });
    const { edge, upstream } = createObservedEdge({ CLIENT_AUTH: 'anonymous', MEMORY_BYTES: '256KiB' });
    await edge.fetch(path, GET);
    const ctx = contextOf(edge.clock);
    const known = upstream.descriptors.peek?.(ctx, parseRepositoryName(name), 'manifests', digest);
    expect(known).toBeDefined();
    expect(known).not.toHaveProperty('content');
  });
});
