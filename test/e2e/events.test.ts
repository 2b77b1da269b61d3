import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import {
  ask,
  BLOB,
  CONTENTS,
  EVENTS_PATH,
  LIMIT_MS,
  LONG_TTLS,
  NAME,
  pathOf,
  TOKEN,
  untilHit,
} from './support/events.ts';
import { isHit } from './support/hits.ts';
import { request } from './support/http.ts';
import { freePort } from './support/port.ts';
import { startCountingProxy } from './support/proxy.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { until } from './support/until.ts';

/** Each registry, each store and callers of both kinds, but not every combination. */
const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'durable', clientAuth: 'origin' },
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'anonymous' },
];

/** A registry, an edge that receives its events, and an edge with a store of its own that receives none. */
interface World {
  readonly origin: Registry;
  readonly edge: Edge;
  readonly uninformed: Edge;
  /** Receives the events as well. */
  readonly recorder: Recorder;
}

async function startWorld({ kind, backend, clientAuth }: Setup): Promise<World> {
  const recorder = await startRecorder();
  const PORT = String(await freePort());
  const events = [
    { url: `http://127.0.0.1:${PORT}${EVENTS_PATH}`, token: TOKEN },
    { url: recorder.url, token: 'another one' },
  ];
  const origin = await startRegistry({ kind, events });
  // The KV on disk is separate for each URL of an origin, so each edge has a proxy of its own.
  const [front, otherFront] = await Promise.all([startCountingProxy(origin.url), startCountingProxy(origin.url)]);
  const variables = { ...LONG_TTLS, CLIENT_AUTH: clientAuth };
  const informed = { ...variables, PORT, EVENTS_TOKEN: TOKEN };
  const edge = await startEdge({ origin: front.url, backend, variables: informed });
  return { origin, edge, uninformed: await startEdge({ origin: otherFront.url, backend, variables }), recorder };
}

async function warm({ edge, uninformed }: World, path: string): Promise<void> {
  for (const each of [edge, uninformed]) await untilHit(each, path);
}

/** Expects the edge to answer at once as the origin does, while the edge without events still has the old digest. */
async function expectUpdated({ origin, edge, uninformed }: World, path: string, oldDigest: string): Promise<void> {
  const { status, headers } = await ask(origin, path);
  const digest = headers['docker-content-digest'];
  await until(
    `the edge answers ${path} as the origin does`,
    async () => {
      const answer = await ask(edge, path);
      return answer.status === status && answer.headers['docker-content-digest'] === digest;
    },
    LIMIT_MS,
  );
  const stale = await ask(uninformed, path);
  expect([stale.status, stale.headers['docker-content-digest'], isHit(stale)]).toEqual([200, oldDigest, true]);
}

function receivesEvents(setup: Setup): void {
  let world: World;
  beforeAll(async () => {
    world = await startWorld(setup);
    const { url } = world.origin;
    for (const [tag, content] of Object.entries(CONTENTS)) await publish(url, NAME, content, tag);
    expect((await upload(url, NAME, BLOB)).status).toBe(201);
  });

  test('a blob that is deleted at the origin: 404 at once', async () => {
    const path = pathOf(BLOB.digest, 'blobs');
    await warm(world, path);
    expect((await request('DELETE', world.origin.url + path)).status).toBe(202);
    await expectUpdated(world, path, BLOB.digest);
    expect((await ask(world.edge, path)).status).toBe(404);
  });

  test('a manifest that is deleted at the origin: 404 at once, by its digest and by its tag', async () => {
    const { digest } = CONTENTS.deleted.manifest;
    const paths = [pathOf(digest), ...(setup.clientAuth === 'anonymous' ? [pathOf('deleted')] : [])];
    for (const path of paths) await warm(world, path);
    expect((await request('DELETE', world.origin.url + pathOf(digest))).status).toBe(202);
    for (const path of paths) {
      await expectUpdated(world, path, digest);
      expect((await ask(world.edge, path)).status).toBe(404);
    }
  });

  // Callers that may push never get a tag from the cache.
  if (setup.clientAuth === 'anonymous') {
    test('a tag that is moved at the origin: the new manifest at once', async () => {
      const [oldDigest = '', newDigest] = [CONTENTS.before, CONTENTS.after].map(({ manifest }) => manifest.digest);
      await warm(world, pathOf('before'));
      await publish(world.origin.url, NAME, CONTENTS.after, 'before');
      await expectUpdated(world, pathOf('before'), oldDigest);
      expect((await ask(world.edge, pathOf('before'))).headers['docker-content-digest']).toBe(newDigest);
    });
  }

  // 2.8.2 deletes no tag.
  if (setup.clientAuth === 'anonymous' && setup.kind === 'registry') {
    test('a tag that is deleted at the origin: 404 at once, and its manifest is still a 200', async () => {
      const { digest } = CONTENTS.untagged.manifest;
      await warm(world, pathOf('untagged'));
      expect((await request('DELETE', world.origin.url + pathOf('untagged'))).status).toBe(202);
      await expectUpdated(world, pathOf('untagged'), digest);
      expect((await ask(world.edge, pathOf('untagged'))).status).toBe(404);
      expect((await ask(world.edge, pathOf(digest))).status).toBe(200);
    });
  }

  /** Every path that an earlier test asked for. */
  const paths = [
    pathOf(BLOB.digest, 'blobs'),
    ...Object.values(CONTENTS).map(({ manifest }) => pathOf(manifest.digest)),
    ...Object.keys(CONTENTS).map((tag) => pathOf(tag)),
    ...CONTENTS.untouched.blobs.map(({ digest }) => pathOf(digest, 'blobs')),
  ];
  async function expectAgreement(): Promise<void> {
    for (const path of paths) {
      const answers = [await ask(world.edge, path), await ask(world.origin, path)];
      const [edged, direct] = answers.map(({ status, headers }) => [path, status, headers['docker-content-digest']]);
      expect(edged).toEqual(direct);
    }
  }
  const sendEvents = (sent: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
    request('POST', world.edge.url + EVENTS_PATH, { headers, body: sent });

  test('repeated and reordered events change no answer', async () => {
    const recorded = [...world.recorder.recorded];
    const actions = recorded.map(({ body: sent }) => JSON.parse(sent).events[0].action as string);
    expect(actions).toEqual(expect.arrayContaining(['push', 'delete', 'pull']));
    await expectAgreement();
    for (const order of [recorded, recorded.toReversed(), recorded.toReversed(), recorded]) {
      for (const { body: sent } of order) expect((await sendEvents(sent)).status).toBe(204);
      await expectAgreement();
    }
    const all = recorded.flatMap(({ body: sent }) => JSON.parse(sent).events);
    expect((await sendEvents(JSON.stringify({ events: all }))).status).toBe(204);
    await expectAgreement();
  });

  test('events without the token or without an envelope are refused and evict nothing', async () => {
    const path = pathOf(CONTENTS.untouched.manifest.digest);
    const forged = { action: 'delete', target: { repository: NAME, digest: CONTENTS.untouched.manifest.digest } };
    const sent = JSON.stringify({ events: [forged] });
    await warm(world, path);
    for (const headers of [
      {},
      { authorization: 'Bearer not-the-token-of-the-edge' },
      { authorization: `Basic ${TOKEN}` },
    ]) {
      expect((await sendEvents(sent, headers)).status).toBe(401);
    }
    for (const broken of [sent.slice(0, -1), JSON.stringify([forged]), '']) {
      expect((await sendEvents(broken)).status).toBe(400);
    }
    expect(isHit(await ask(world.edge, path))).toBe(true);
    // With the token, even a false event evicts, which costs one round trip; the rest of the envelope does not matter.
    expect((await sendEvents(JSON.stringify({ events: [null, { action: 'delete' }, forged] }))).status).toBe(204);
    const after = await ask(world.edge, path);
    expect([after.status, isHit(after)]).toEqual([200, false]);
  });
}

describeSetups([], 'an edge that receives the events of its registry', receivesEvents, SETUPS);
