import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { artifact, type Content, image, OCI, publish } from './support/contents.ts';
import { type Edge, startEdge, startEdges } from './support/edge.ts';
import { warm } from './support/hits.ts';
import { head, lastingHeaders, request } from './support/http.ts';
import { type Blob, json, makeBlob } from './support/image.ts';
import { putManifest } from './support/manifests.ts';
import { startRedisFor } from './support/redis.ts';
import { type BackendKind, describeBackends } from './support/tools.ts';
import { BLOB_TYPES, type BlobTypes, startZot } from './support/zot.ts';

const OLD = image('old');
const NEW = image('new');
const IMAGE_BEFORE = image('before');
const ACCEPT = { accept: OCI.manifest };
/** Stores that tell every edge where a tag led. With the others, only the edge that saw it knows. */
const SHARING: readonly BackendKind[] = ['durable', 'redis'];

/** Ways in which a tag `v1` ceases to lead to a manifest. */
const MOVES: readonly { what: string; move(url: string, name: string): Promise<unknown> }[] = [
  { what: 'is moved', move: (url, name) => publish(url, name, NEW, 'v1') },
  { what: 'is deleted', move: (url, name) => request('DELETE', `${url}/v2/${name}/manifests/v1`) },
];

/** Starts a registry and two edges with one store; they are the same edge if the store does not share tags. */
async function start(backend: BackendKind, blobTypes: BlobTypes): Promise<{ origin: string; a: Edge; b: Edge }> {
  const origin = await startZot(blobTypes);
  const variables = SHARING.includes(backend) ? [{}, {}] : [{}];
  const [a, b = a] = await startEdges({ origin, backend, redis: await startRedisFor(backend) }, variables);
  return { origin, a: a as Edge, b: b as Edge };
}

function movingTags(backend: BackendKind): void {
  let origin: string;
  let a: Edge;
  let b: Edge;
  beforeAll(async () => {
    ({ origin, a, b } = await start(backend, 'echoed'));
  });

  /** Publishes the old manifest through A, and asks for it until both edges answer from the cache. */
  async function publishOld(name: string, ...tags: string[]): Promise<string> {
    for (const tag of tags) await publish(a.url, name, OLD, tag);
    const path = `/v2/${name}/manifests/${OLD.manifest.digest}`;
    for (const edge of [a, b]) await warm(edge, [path]);
    return path;
  }

  /** Expects of each edge, twice, the status that the origin answers. */
  async function expectStatus(path: string, expected: number): Promise<void> {
    for (const url of [origin, a.url, b.url, a.url, b.url]) {
      for (const method of ['HEAD', 'GET']) {
        const { status } = await request(method, url + path, { headers: ACCEPT });
        expect(status, `${method} ${url}${path}`).toBe(expected);
      }
    }
  }

  test.for(MOVES)('a tag that $what takes its manifest along, through every edge at once', async ({ what, move }) => {
    const name = `gone/${what.replaceAll(' ', '-')}`;
    const path = await publishOld(name, 'v1');
    await move(b.url, name);
    await expectStatus(path, 404);
  });

  test.for(MOVES)('a manifest of which one tag $what stays if another leads to it', async ({ what, move }) => {
    const name = `kept/${what.replaceAll(' ', '-')}`;
    const path = await publishOld(name, 'v1', 'v2');
    await move(b.url, name);
    await expectStatus(path, 200);
  });

  test.for(MOVES)('a manifest whose tag $what exists again once it is pushed again', async ({ what, move }) => {
    const name = `again/${what.replaceAll(' ', '-')}`;
    const path = await publishOld(name, 'v1');
    await move(b.url, name);
    await expectStatus(path, 404);
    await publish(a.url, name, OLD, 'v3');
    await expectStatus(path, 200);
  });

  test("a tag that ends behind the edge's back: its manifest is said to exist for PUSH_EXISTENCE_TTL at most", async () => {
    const registry = await startZot('echoed');
    const edge = await startEdge({ origin: registry, backend, variables: { PUSH_EXISTENCE_TTL: '1s' } });
    for (const [position, { move }] of MOVES.entries()) {
      const name = `behind/${position}`;
      const path = `/v2/${name}/manifests/${OLD.manifest.digest}`;
      await publish(edge.url, name, OLD, 'v1');
      await warm(edge, [path]);
      await move(registry, name);
      await delay(1_000);
      for (const _ of ['once', 'twice']) expect((await head(edge.url + path, ACCEPT)).status).toBe(404);
    }
  });
}

/** A manifest that names a layer, and says which type it has. */
function naming(layer: Blob, mediaType: string): Content {
  const content = artifact([layer]);
  const document = JSON.parse(content.manifest.bytes.toString());
  const layers = document.layers.map((descriptor: object) => ({ ...descriptor, mediaType }));
  return { ...content, manifest: json({ ...document, layers }) };
}

const NAME = 'types';
const LAYER = makeBlob('layer', 1_000);
const PATH = `/v2/${NAME}/blobs/${LAYER.digest}`;
const OCTETS = 'application/octet-stream';

function changingTypes(backend: BackendKind, blobTypes: BlobTypes): void {
  let origin: string;
  let a: Edge;
  let b: Edge;
  beforeAll(async () => {
    ({ origin, a, b } = await start(backend, blobTypes));
    // An isolate has to see once that an origin types blobs. Until then an upload teaches it the type of most origins.
    const [seen] = IMAGE_BEFORE.blobs as [Blob];
    await publish(origin, NAME, IMAGE_BEFORE, 'before');
    for (const { url } of [a, b]) await head(`${url}/v2/${NAME}/blobs/${seen.digest}`);
  });

  /** Expects of both edges, cold and warm, the type that the origin states. */
  async function expectType(type: string): Promise<void> {
    expect((await head(origin + PATH)).headers['content-type'] ?? OCTETS).toBe(type);
    for (const { url } of [a, b]) {
      const cold = await head(url + PATH);
      // What one client accepts is no type for others.
      await request('GET', url + PATH, { headers: { accept: 'application/x-mine' } });
      const again = await head(url + PATH);
      expect([cold.status, cold.headers['content-type']]).toEqual([200, type]);
      expect([again.status, lastingHeaders(again)]).toEqual([200, lastingHeaders(cold)]);
    }
  }

  test('a blob has the type that the origin states at that moment, cold and warm, through every edge', async () => {
    const types = ['application/x-one', 'application/x-two'];
    for (const blob of naming(LAYER, OCTETS).blobs) expect((await upload(a.url, NAME, blob)).status).toBe(201);
    await expectType(OCTETS);
    for (const type of types) {
      const target = { url: b.url, name: NAME, reference: 'latest' };
      expect((await putManifest(target, naming(LAYER, type))).status).toBe(201);
      await expectType(blobTypes === 'echoed' ? OCTETS : type);
    }
    await warm(a, [PATH]);
  });
}

describeBackends([], 'a registry in which a manifest lives as long as its tags (zot)', movingTags);
for (const blobTypes of BLOB_TYPES) {
  describeBackends([], `a registry with media types of blobs that are ${blobTypes} (zot)`, (backend) => {
    changingTypes(backend, blobTypes);
  });
}
