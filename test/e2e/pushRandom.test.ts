import { beforeAll, expect, test } from 'vitest';
import { mount, upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { isHit } from './support/hits.ts';
import { type Answer, head, request } from './support/http.ts';
import { type Blob, descriptorOf, json, makeBlob } from './support/image.ts';
import { putManifest } from './support/manifests.ts';
import { freePort } from './support/port.ts';
import { mulberry32 } from './support/random.ts';
import { startRedis } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';
import { finish, locationOf, openUpload, patchStreamed } from './support/uploads.ts';

const SEEDS = [1, 2];
const ROUNDS = 25;
const CLIENTS = 3;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const ACCEPT = { accept: MANIFEST };
const ADMIN_TOKEN = 'operator-of-the-e2e-tests';
const EVENTS_TOKEN = 'registry-of-the-e2e-tests';

/**
 * Several clients act at random and at the same time through two edges on one Redis. A mirror on the same Redis would
 * cache tags for an hour. After each round all three have to answer as the origin does.
 */
describeWith(
  ['registry', 'redis-server'],
  'two edges and a mirror on one Redis, in front of a registry that sends events',
  () => {
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

    test.for(SEEDS)(
      `${ROUNDS} random rounds of ${CLIENTS} clients, seed %i: all edges agree with the origin`,
      async (seed) => {
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
          ...[...manifests.map(({ digest }) => digest), ...tags].map(
            (reference) => `/v2/${name}/manifests/${reference}`,
          ),
        ]);
        const operations: Record<string, (url: string) => Promise<Answer>> = {
          upload: (url) => upload(url, pick(names), pick(blobs)),
          async stream(url) {
            const [name, { digest, bytes }] = [pick(names), pick(blobs)];
            const session = locationOf(await openUpload(url, name), url);
            return finish(locationOf(await patchStreamed(session, bytes), url), digest);
          },
          mount: (url) => mount(url, pick(names), pick(names), pick(blobs).digest),
          push(url) {
            const [manifest, tag] = [pick(manifests), pick(tags)];
            const reference = random() < 0.7 ? tag : manifest.digest;
            return putManifest({ url, name: pick(names), reference }, { manifest, mediaType: MANIFEST });
          },
          head: (url) => head(url + pick(paths), ACCEPT),
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
          await expectAgreement();
        }
        expect(hits, 'the cache answers').toBeGreaterThan(ROUNDS);

        /** Waits for a moment, since events and write-backs may still be on their way. */
        async function expectAgreement(): Promise<void> {
          for (const path of paths) {
            const expected = stateOf(await head(origin.url + path, ACCEPT));
            for (const { url } of [...edges, mirror]) {
              let state: unknown;
              const agrees = async () => {
                const answer = await head(url + path, ACCEPT);
                if (isHit(answer)) hits++;
                state = stateOf(answer);
                return JSON.stringify(state) === JSON.stringify(expected);
              };
              await until(path, agrees, 5_000).catch(() => undefined);
              const message = `${url}${path} after ${done.slice(-12).join(', ')}`;
              expect(state, message).toEqual(expected);
            }
          }
        }
      },
    );
  },
);

function imageOf(config: Blob, layer: Blob): Blob {
  return json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: descriptorOf(config, 'application/vnd.oci.image.config.v1+json'),
    layers: [descriptorOf(layer, 'application/vnd.oci.image.layer.v1.tar')],
  });
}

/** Everything that a HEAD says of content. */
function stateOf({ status, headers }: Answer) {
  if (status !== 200) return { status };
  const { 'content-length': size, 'content-type': type, 'docker-content-digest': digest } = headers;
  return { status, size, type, digest };
}
