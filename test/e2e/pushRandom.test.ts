import { beforeAll, expect, test } from 'vitest';
import { mount, upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { type Answer, head, request } from './support/http.ts';
import { type Blob, descriptorOf, json, makeBlob } from './support/image.ts';
import { freePort } from './support/port.ts';
import { mulberry32 } from './support/random.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';
import { finish, onward, openUpload, patchStreamed } from './support/uploads.ts';

const SEEDS = [1, 2];
const ROUNDS = 25;
const CLIENTS = 3;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const TAKES = { accept: MANIFEST };
const ADMIN_TOKEN = 'operator-of-the-e2e-tests';
const EVENTS_TOKEN = 'registry-of-the-e2e-tests';

/**
 * What several clients do at the same time through two edges on one Redis, with a mirror beside them whose tags would
 * last for an hour. After each round the edges say what the origin says.
 */
describeWith(['registry', 'redis-server'], 'two edges and a mirror on one Redis, before a registry that tells', () => {
  let origin: Registry;
  let edges: Edge[];
  let mirror: Edge;
  beforeAll(async () => {
    const redis = await startRedis();
    const port = String(await freePort());
    const events = [{ url: `http://127.0.0.1:${port}/_edge/events`, token: EVENTS_TOKEN }];
    origin = await startRegistry({ kind: 'registry', quiet: true, events });
    const start = (variables: Record<string, string>) =>
      startEdge({ origin: origin.url, backend: 'redis', redis, variables });
    edges = [await start({ ADMIN_TOKEN, EVENTS_TOKEN, PORT: port }), await start({ ADMIN_TOKEN })];
    mirror = await start({ CLIENT_AUTH: 'anonymous', TAG_TTL: '1h', MEMORY_TTL: '0' });
  });

  test.for(SEEDS)(`${ROUNDS} rounds of ${CLIENTS} clients, seed %i: all agree with the origin`, async (seed) => {
    const random = mulberry32(seed);
    const below = (count: number) => Math.floor(random() * count);
    const pick = <T>(list: readonly T[]) => list[below(list.length)] as T;
    const names = [`random-${seed}/one`, `random-${seed}/two`];
    const blobs = Array.from({ length: 4 }, (_, n) => makeBlob(`push random ${seed} ${n}`, 1_000 + n));
    const manifests = blobs.slice(1).map((layer) => imageOf(blobs[0] as Blob, layer));
    const tags = ['a', 'b'];
    const done: string[] = [];
    let hits = 0;

    const paths = names.flatMap((name) => [
      ...blobs.map(({ digest }) => `/v2/${name}/blobs/${digest}`),
      ...[...manifests.map(({ digest }) => digest), ...tags].map((reference) => `/v2/${name}/manifests/${reference}`),
    ]);
    const operations: Record<string, (url: string) => Promise<Answer>> = {
      upload: (url) => upload(url, pick(names), pick(blobs)),
      async stream(url) {
        const [name, { digest, bytes }] = [pick(names), pick(blobs)];
        const session = onward(await openUpload(url, name), url);
        return finish(onward(await patchStreamed(session, bytes), url), digest);
      },
      mount: (url) => mount(url, pick(names), pick(names), pick(blobs).digest),
      push(url) {
        const [manifest, tag] = [pick(manifests), pick(tags)];
        const reference = random() < 0.7 ? tag : manifest.digest;
        const headers = { 'content-type': MANIFEST, 'content-length': String(manifest.bytes.length) };
        return request('PUT', `${url}/v2/${pick(names)}/manifests/${reference}`, { headers, body: manifest.bytes });
      },
      head: (url) => head(url + pick(paths), TAKES),
      delete: (url) => request('DELETE', url + pick(paths)),
      purge() {
        const headers = { authorization: `Bearer ${ADMIN_TOKEN}` };
        return request('DELETE', `${pick(edges).url}/_edge/cache/${pick(names)}`, { headers });
      },
    };
    const choices = 'upload upload upload stream mount push push push push head head head delete purge'.split(' ');

    for (let round = 0; round < ROUNDS; round++) {
      const clients = Array.from({ length: CLIENTS }, async () => {
        const [choice, url] = [pick(choices), pick(edges).url];
        const answer = await operations[choice]?.(url);
        done.push(`${choice} ${answer?.status}`);
      });
      await Promise.all(clients);
      await agree();
    }
    expect(hits, 'the cache has answered').toBeGreaterThan(ROUNDS);

    /** What a registry tells, and a write-back after a reply, take a moment. */
    async function agree(): Promise<void> {
      for (const path of paths) {
        const truth = whatIs(await head(origin.url + path, TAKES));
        for (const { url } of [...edges, mirror]) {
          let said: unknown;
          const agreed = async () => {
            const answer = await head(url + path, TAKES);
            if (answer.headers['cache-status']?.includes('hit')) hits++;
            said = whatIs(answer);
            return JSON.stringify(said) === JSON.stringify(truth);
          };
          await until(path, agreed, 5_000).catch(() => undefined);
          expect({ url, path, said, done: done.slice(-12) }).toEqual({ url, path, said: truth, done: done.slice(-12) });
        }
      }
    }
  });
});

function imageOf(config: Blob, layer: Blob): Blob {
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptorOf(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [descriptorOf(layer, 'application/vnd.oci.image.layer.v1.tar')],
  });
}

/** All that a HEAD says of content. */
function whatIs({ status, headers }: Answer) {
  if (status !== 200) return { status };
  const { 'content-length': size, 'content-type': type, 'docker-content-digest': digest } = headers;
  return { status, size, type, digest };
}
