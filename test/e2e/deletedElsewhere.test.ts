import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Content, image, publish } from './support/contents.ts';
import { type Edge, startEdges } from './support/edge.ts';
import { ask, HIT, NOT_FOUND, warm } from './support/hits.ts';
import { head, request } from './support/http.ts';
import { startRedisFor } from './support/redis.ts';
import { type Registry, type RegistryKind, startRegistry } from './support/registry.ts';
import { describeWith, toolsOf } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const MEMORY_TTL_MS = 3_000;
const POLL_MS = 50;

interface Setup {
  readonly kind: RegistryKind;
  /** The KV on disk does not lag; deployed, KV lags for a minute or more. */
  readonly backend: 'durable' | 'kv' | 'redis';
}

const SETUPS: readonly Setup[] = [
  { kind: 'registry', backend: 'redis' },
  { kind: 'docker-registry', backend: 'kv' },
  { kind: 'registry', backend: 'durable' },
];
const CASES: readonly { what: string; pathOf(content: Content): string }[] = [
  { what: 'a blob', pathOf: ({ blobs }) => `blobs/${blobs[1]?.digest}` },
  { what: 'a manifest', pathOf: ({ manifest }) => `manifests/${manifest.digest}` },
];

for (const setup of SETUPS) {
  const { kind, backend } = setup;
  const title = `${kind}, BLOBDESCRIPTOR=${backend}: a delete through one edge, seen at another`;
  describeWith([kind, ...toolsOf(backend)], title, () => deletedElsewhere(setup));
}

function deletedElsewhere({ kind, backend }: Setup): void {
  let origin: Registry;
  let edge: Edge;
  let other: Edge;
  let mirror: Edge;
  beforeAll(async () => {
    origin = await startRegistry({ kind });
    const shared = { origin: origin.url, backend, redis: await startRedisFor(backend) };
    const asMirror = { CLIENT_AUTH: 'anonymous', MEMORY_TTL: `${MEMORY_TTL_MS}ms` };
    [edge, other, mirror] = (await startEdges(shared, [{}, {}, asMirror])) as [Edge, Edge, Edge];
  });

  /** Publishes content at the registry, unknown to the edges. @returns the path of one part of it */
  async function publishImage(seed: string, pathOf: (content: Content) => string): Promise<string> {
    const content = image(`elsewhere ${seed}`);
    await publish(origin.url, NAME, content, 'v1');
    return `/v2/${NAME}/${pathOf(content)}`;
  }

  test.for(CASES)('$what: 404 at once for callers that may push', async ({ what, pathOf }) => {
    const path = await publishImage(what, pathOf);
    await warm(other, [path]);
    await warm(edge, [path]);
    expect(await ask(other.url + path)).toEqual(HIT);

    expect((await request('DELETE', edge.url + path)).status).toBe(202);

    for (const { url } of [other, edge]) expect(await ask(url + path)).toEqual(NOT_FOUND);
  });

  test('a blob and a manifest in the memory of a mirror: 404 within MEMORY_TTL', async () => {
    const paths = await Promise.all(CASES.map(({ what, pathOf }) => publishImage(`mirrored ${what}`, pathOf)));
    for (const path of paths) {
      await until('the mirror answers from memory', async () => {
        const { headers } = await head(mirror.url + path, ACCEPT);
        return headers['cache-status'] === 'registry-edge; hit; detail=memory';
      });
    }

    for (const path of paths) expect((await request('DELETE', edge.url + path)).status).toBe(202);
    const hitsUntil = await Promise.all(paths.map((path) => lastHitMs(path, Date.now())));

    // The mirror did answer from memory after the delete: otherwise the bound would prove nothing.
    for (const ms of hitsUntil) expect(ms).toBeGreaterThanOrEqual(0);
    for (const ms of hitsUntil) expect(ms).toBeLessThan(MEMORY_TTL_MS);
    for (const path of paths) expect(await ask(mirror.url + path)).toEqual(NOT_FOUND);
  });

  // KV stores no tags, and `docker-registry` deletes none.
  if (backend !== 'kv') {
    test('a tag that a mirror has in the store: 404 at once', async () => {
      await publishImage('a tag', () => '');
      const path = `/v2/${NAME}/manifests/v1`;
      await warm(mirror, [path]);

      expect((await request('DELETE', edge.url + path)).status).toBe(202);

      expect(await ask(mirror.url + path)).toEqual(NOT_FOUND);
    });
  }

  /** @returns how long after the delete the last request was sent that the mirror still answered; -1 for none */
  async function lastHitMs(path: string, deletedAt: number): Promise<number> {
    let lastMs = -1;
    for (let sentMs = 0; sentMs < 2 * MEMORY_TTL_MS; sentMs = Date.now() - deletedAt) {
      const result = await ask(mirror.url + path);
      if (result.status !== 200) return lastMs;
      expect(result).toEqual(HIT);
      lastMs = sentMs;
      await setTimeout(POLL_MS);
    }
    return lastMs;
  }
}

const ACCEPT = { accept: image('').mediaType };
