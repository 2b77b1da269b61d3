import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { type Content, image, publish } from './support/contents.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { ask, GONE, HIT, warm } from './support/hits.ts';
import { head, request } from './support/http.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, type RegistryKind, startRegistry } from './support/registry.ts';
import { describeWith, type Tool } from './support/tools.ts';
import { until } from './support/until.ts';

const NAME = 'team/app';
const MEMORY_TTL_MS = 3_000;
const POLL_MS = 50;

interface Setup {
  readonly kind: RegistryKind;
  /** KV on disk does not lag: elsewhere it does, for a minute or more. */
  readonly backend: 'kv' | 'redis';
}

const SETUPS: readonly Setup[] = [
  { kind: 'registry', backend: 'redis' },
  { kind: 'docker-registry', backend: 'kv' },
];
const CASES: readonly { what: string; pathOf(content: Content): string }[] = [
  { what: 'a blob', pathOf: ({ blobs }) => `blobs/${blobs[1]?.digest}` },
  { what: 'a manifest', pathOf: ({ manifest }) => `manifests/${manifest.digest}` },
];

for (const setup of SETUPS) {
  const { kind, backend } = setup;
  const tools: Tool[] = backend === 'redis' ? [kind, 'redis-server'] : [kind];
  describeWith(tools, `${kind}, BLOBDESCRIPTOR=${backend}: deleted through one edge, asked at another`, () =>
    deleted(setup),
  );
}

function deleted({ kind, backend }: Setup): void {
  let origin: Registry;
  let edge: Edge;
  let other: Edge;
  let mirror: Edge;
  beforeAll(async () => {
    origin = await startRegistry({ kind });
    const redis = backend === 'redis' ? await startRedis() : undefined;
    const shared = { origin: origin.url, backend, ...(redis && { redis }) };
    edge = await startEdge(shared);
    other = await startEdge({ ...shared, sharesKv: true });
    const variables = { CLIENT_AUTH: 'anonymous', MEMORY_TTL: `${MEMORY_TTL_MS}ms` };
    mirror = await startEdge({ ...shared, variables, sharesKv: true });
  });

  /** Content that only the registry knows. @returns the path to one part of it */
  async function published(seed: string, pathOf: (content: Content) => string): Promise<string> {
    const content = image(`elsewhere ${seed}`);
    await publish(origin.url, NAME, content, 'v1');
    return `/v2/${NAME}/${pathOf(content)}`;
  }

  test.for(CASES)('$what, asked for by one who may push: 404 at once', async ({ what, pathOf }) => {
    const path = await published(what, pathOf);
    await warm(other, [path]);
    await warm(edge, [path]);
    expect(await ask(other.url + path)).toEqual(HIT);

    expect((await request('DELETE', edge.url + path)).status).toBe(202);

    for (const { url } of [other, edge]) expect(await ask(url + path)).toEqual(GONE);
  });

  test('in the memory of a mirror: 404 after MEMORY_TTL at most', async () => {
    const paths = await Promise.all(CASES.map(({ what, pathOf }) => published(`mirrored ${what}`, pathOf)));
    for (const path of paths) {
      await until('the mirror has it in memory', async () => {
        const { headers } = await head(mirror.url + path, ACCEPT);
        return headers['cache-status'] === 'registry-edge; hit; detail=memory';
      });
    }

    for (const path of paths) expect((await request('DELETE', edge.url + path)).status).toBe(202);
    const lasted = await Promise.all(paths.map((path) => lastedMs(path, Date.now())));

    // Those did answer from memory, or this would be no measure.
    for (const ms of lasted) expect(ms).toBeGreaterThanOrEqual(0);
    for (const ms of lasted) expect(ms).toBeLessThan(MEMORY_TTL_MS);
    for (const path of paths) expect(await ask(mirror.url + path)).toEqual(GONE);
  });

  // KV keeps no tags, and `docker-registry` deletes none.
  if (backend === 'redis') {
    test('a tag that a mirror remembers: 404 at once', async () => {
      await published('a tag', () => '');
      const path = `/v2/${NAME}/manifests/v1`;
      await warm(mirror, [path]);

      expect((await request('DELETE', edge.url + path)).status).toBe(202);

      expect(await ask(mirror.url + path)).toEqual(GONE);
    });
  }

  /** @returns how long after it was deleted the mirror still answered who asked then; -1: not at all */
  async function lastedMs(path: string, deletedAt: number): Promise<number> {
    let lasted = -1;
    for (let askedMs = 0; askedMs < 2 * MEMORY_TTL_MS; askedMs = Date.now() - deletedAt) {
      const told = await ask(mirror.url + path);
      if (told.status !== 200) return lasted;
      expect(told).toEqual(HIT);
      lasted = askedMs;
      await setTimeout(POLL_MS);
    }
    return lasted;
  }
}

const ACCEPT = { accept: image('').mediaType };
