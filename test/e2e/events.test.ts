import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Content, image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, head, request } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { freePort } from './support/port.ts';
import { startCountingProxy } from './support/proxy.ts';
import { type Recorder, startRecorder } from './support/recorder.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeSetups, type Setup } from './support/setups.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const TOKEN = 'told-by-the-registry';
const HOUR = { DESCRIPTOR_TTL: '1h', PUSH_EXISTENCE_TTL: '1h', TAG_TTL: '1h', LIST_TTL: '1h' };
const AT_ONCE_MS = 2_000;
const EVENTS = '/_edge/events';

/** Each registry, each store and callers of both kinds, but not each with each. */
const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'anonymous' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
  { kind: 'registry', backend: 'kv', clientAuth: 'anonymous' },
];

/** The registry, the edge that it tells of events, and one with a store of its own that nobody tells anything. */
interface World {
  readonly origin: Registry;
  readonly edge: Edge;
  readonly deaf: Edge;
  readonly recorder: Recorder;
}

async function start({ kind, backend, clientAuth }: Setup): Promise<World> {
  const recorder = await startRecorder();
  const PORT = String(await freePort());
  const events = [
    { url: `http://127.0.0.1:${PORT}${EVENTS}`, token: TOKEN },
    { url: recorder.url, token: 'another one' },
  ];
  const origin = await startRegistry({ kind, events });
  // What an edge keeps, it keeps by the URL of its origin.
  const urls = await Promise.all([startCountingProxy(origin.url), startCountingProxy(origin.url)]);
  const variables = { ...HOUR, CLIENT_AUTH: clientAuth };
  const [told, untold] = [{ ...variables, PORT, EVENTS_TOKEN: TOKEN }, variables];
  const edge = await startEdge({ origin: urls[0].url, backend, variables: told });
  return { origin, edge, deaf: await startEdge({ origin: urls[1].url, backend, variables: untold }), recorder };
}

/** What is pushed before anything is asked: for a while after a push no answer is kept of its tag. */
const CONTENTS = {
  deleted: image('deleted'),
  before: image('before'),
  after: image('after'),
  untagged: image('untagged'),
  kept: image('kept'),
} satisfies Record<string, Content>;
const BLOB = makeBlob('a blob', 4_321);

const pathOf = (reference: string, links = 'manifests') => `/v2/${NAME}/${links}/${reference}`;
const ask = ({ url }: { readonly url: string }, path: string) => head(url + path, { accept: CONTENTS.kept.mediaType });
const isHit = ({ headers }: Answer) => headers['cache-status']?.includes('; hit') ?? false;

/** Has an edge answer from the cache. */
async function untilHit(edge: Edge, path: string): Promise<void> {
  await until(`a hit: ${path}`, async () => {
    const answer = await ask(edge, path);
    expect(answer.status).toBe(200);
    return isHit(answer);
  });
}

async function warm({ edge, deaf }: World, path: string): Promise<void> {
  for (const one of [edge, deaf]) await untilHit(one, path);
}

/** The edge says at once what the origin says; without the event it would say what it said. */
async function expectSeen({ origin, edge, deaf }: World, path: string, was: string): Promise<void> {
  const { status, headers } = await ask(origin, path);
  const is = headers['docker-content-digest'];
  await until(
    `the edge says of ${path} what the origin says`,
    async () => {
      const answer = await ask(edge, path);
      return answer.status === status && answer.headers['docker-content-digest'] === is;
    },
    AT_ONCE_MS,
  );
  const old = await ask(deaf, path);
  expect([old.status, old.headers['docker-content-digest'], isHit(old)]).toEqual([200, was, true]);
}

function body(setup: Setup): void {
  let world: World;
  beforeAll(async () => {
    world = await start(setup);
    const { url } = world.origin;
    for (const [tag, content] of Object.entries(CONTENTS)) await publish(url, NAME, content, tag);
    expect((await upload(url, NAME, BLOB)).status).toBe(201);
  });

  test('a blob is deleted at the origin: gone at once', async () => {
    const path = pathOf(BLOB.digest, 'blobs');
    await warm(world, path);
    expect((await request('DELETE', world.origin.url + path)).status).toBe(202);
    await expectSeen(world, path, BLOB.digest);
    expect((await ask(world.edge, path)).status).toBe(404);
  });

  test('a manifest is deleted at the origin: gone at once, by its digest as by its tag', async () => {
    const { digest } = CONTENTS.deleted.manifest;
    const paths = [pathOf(digest), ...(setup.clientAuth === 'anonymous' ? [pathOf('deleted')] : [])];
    for (const path of paths) await warm(world, path);
    expect((await request('DELETE', world.origin.url + pathOf(digest))).status).toBe(202);
    for (const path of paths) {
      await expectSeen(world, path, digest);
      expect((await ask(world.edge, path)).status).toBe(404);
    }
  });

  // To callers that may push no tag is answered from the cache at all.
  if (setup.clientAuth === 'anonymous') {
    test('a tag is moved at the origin: there at once', async () => {
      const [was, is] = [CONTENTS.before, CONTENTS.after].map(({ manifest }) => manifest.digest);
      await warm(world, pathOf('before'));
      await publish(world.origin.url, NAME, CONTENTS.after, 'before');
      await expectSeen(world, pathOf('before'), was ?? '');
      expect((await ask(world.edge, pathOf('before'))).headers['docker-content-digest']).toBe(is);
    });
  }

  // 2.8.2 deletes no tag.
  if (setup.clientAuth === 'anonymous' && setup.kind === 'registry') {
    test('a tag is deleted at the origin: gone at once, and its manifest is not', async () => {
      const { digest } = CONTENTS.untagged.manifest;
      await warm(world, pathOf('untagged'));
      expect((await request('DELETE', world.origin.url + pathOf('untagged'))).status).toBe(202);
      await expectSeen(world, pathOf('untagged'), digest);
      expect((await ask(world.edge, pathOf('untagged'))).status).toBe(404);
      expect((await ask(world.edge, pathOf(digest))).status).toBe(200);
    });
  }

  /** Every question that a test before asked. */
  const questions = [
    pathOf(BLOB.digest, 'blobs'),
    ...Object.values(CONTENTS).map(({ manifest }) => pathOf(manifest.digest)),
    ...Object.keys(CONTENTS).map((tag) => pathOf(tag)),
    ...CONTENTS.kept.blobs.map(({ digest }) => pathOf(digest, 'blobs')),
  ];
  async function expectTruth(): Promise<void> {
    for (const path of questions) {
      const [edged, direct] = [await ask(world.edge, path), await ask(world.origin, path)];
      const seen = [edged, direct].map(({ status, headers }) => [path, status, headers['docker-content-digest']]);
      expect(seen[0]).toEqual(seen[1]);
    }
  }
  const tell = (sent: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }) =>
    request('POST', world.edge.url + EVENTS, { headers, body: sent });

  test('events that are repeated and out of order change no answer', async () => {
    const recorded = [...world.recorder.recorded];
    const actions = recorded.map(({ body: sent }) => JSON.parse(sent).events[0].action as string);
    expect(actions).toEqual(expect.arrayContaining(['push', 'delete', 'pull']));
    await expectTruth();
    for (const order of [recorded, recorded.toReversed(), recorded.toReversed(), recorded]) {
      for (const { body: sent } of order) expect((await tell(sent)).status).toBe(204);
      await expectTruth();
    }
    const all = recorded.flatMap(({ body: sent }) => JSON.parse(sent).events);
    expect((await tell(JSON.stringify({ events: all }))).status).toBe(204);
    await expectTruth();
  });

  test('what others send, or what is no envelope, is refused, and what is cached stays so', async () => {
    const path = pathOf(CONTENTS.kept.manifest.digest);
    const forged = { action: 'delete', target: { repository: NAME, digest: CONTENTS.kept.manifest.digest } };
    const sent = JSON.stringify({ events: [forged] });
    await warm(world, path);
    for (const headers of [
      {},
      { authorization: 'Bearer another-token-than-it' },
      { authorization: `Basic ${TOKEN}` },
    ]) {
      expect((await tell(sent, headers)).status).toBe(401);
    }
    for (const broken of [sent.slice(0, -1), JSON.stringify([forged]), '']) {
      expect((await tell(broken)).status).toBe(400);
    }
    expect(isHit(await ask(world.edge, path))).toBe(true);
    // With the token it costs a round trip, whatever else is in the envelope.
    expect((await tell(JSON.stringify({ events: [null, { action: 'delete' }, forged] }))).status).toBe(204);
    const after = await ask(world.edge, path);
    expect([after.status, isHit(after)]).toEqual([200, false]);
  });
}

describeSetups([], 'the registry tells the edge what changed', body, SETUPS);

describeWith(['registry', 'redis-server'], 'the registry tells one of the edges before one Redis', () => {
  let origin: Registry;
  let others: readonly Edge[];
  beforeAll(async () => {
    const PORT = String(await freePort());
    origin = await startRegistry({
      kind: 'registry',
      events: [{ url: `http://127.0.0.1:${PORT}${EVENTS}`, token: TOKEN }],
    });
    const redis = await startRedis();
    const start = (variables: Record<string, string>) =>
      startEdge({ origin: origin.url, backend: 'redis', redis, variables: { ...HOUR, ...variables } });
    await start({ PORT, EVENTS_TOKEN: TOKEN });
    // Its own memory is all that an edge which only pulls may lag behind with.
    others = [await start({}), await start({ CLIENT_AUTH: 'anonymous', MEMORY_TTL: '0' })];
    for (const tag of ['deleted', 'before'] as const) await publish(origin.url, NAME, CONTENTS[tag], tag);
    expect((await upload(origin.url, NAME, BLOB)).status).toBe(201);
  });

  test('the others see at once that a blob and a manifest are deleted', async () => {
    const paths = [pathOf(BLOB.digest, 'blobs'), pathOf(CONTENTS.deleted.manifest.digest)];
    for (const path of paths) {
      for (const edge of others) await untilHit(edge, path);
      expect((await request('DELETE', origin.url + path)).status).toBe(202);
      for (const edge of others) {
        await until('it is gone', async () => (await ask(edge, path)).status === 404, AT_ONCE_MS);
      }
    }
  });

  test('the one that only pulls sees at once that a tag is moved', async () => {
    const [, mirror] = others as [Edge, Edge];
    await untilHit(mirror, pathOf('before'));
    await publish(origin.url, NAME, CONTENTS.after, 'before');
    await until(
      'it is moved',
      async () => (await leadsTo(mirror, 'before')) === CONTENTS.after.manifest.digest,
      AT_ONCE_MS,
    );
  });
});

async function leadsTo(edge: Edge, tag: string): Promise<string | undefined> {
  return (await ask(edge, pathOf(tag))).headers['docker-content-digest'];
}
