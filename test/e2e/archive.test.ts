import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { IMAGE_TYPES } from '../../src/oci/mediaTypes.ts';
import { SUCCESS } from './support/command.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Image, makeImage } from './support/image.ts';
import { PROGRAMS } from './support/journeys/programs.ts';
import { startCountingProxy } from './support/proxy.ts';
import { startRedisFor } from './support/redis.ts';
import { type Registry, startRegistry } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith, toolsOf } from './support/tools.ts';

const ADMIN_TOKEN = 'the-operators-token';
const ADMIN = { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
/** An open mirror whose windows are over at once. */
const MIRROR = { CLIENT_AUTH: 'anonymous', BLOB_STORE: 'r2', TAG_TTL: '1s', DESCRIPTOR_TTL: '1s', ADMIN_TOKEN };
const ARCHIVE = { ...MIRROR, KEEP_DELETED: 'keep', STALE_IF_ERROR: '365d' };
const WINDOW_MS = 1_200;
/** What every client of today accepts. */
const HEADERS = { accept: IMAGE_TYPES.join(', ') };
const NAME = 'team/app';
const LIMIT_MS = 60_000;

for (const backend of ['durable', 'redis'] as const) {
  const tools = ['registry', ...toolsOf(backend), ...PROGRAMS.flatMap((program) => program.tools)] as const;
  describeWith([...new Set(tools)], `BLOBDESCRIPTOR=${backend}: an image that the origin has deleted`, () =>
    deletedAtOrigin(backend),
  );
}

function deletedAtOrigin(backend: 'durable' | 'redis'): void {
  let origin: Registry;
  let archive: Edge;
  let mirror: Edge;
  let image: Image;
  beforeAll(async () => {
    origin = await startRegistry({ kind: 'registry' });
    // Edges in front of one address would share what they store.
    const { url } = await startCountingProxy(origin.url);
    archive = await startEdge({ origin: origin.url, backend, redis: await startRedisFor(backend), variables: ARCHIVE });
    mirror = await startEdge({ origin: url, backend, redis: await startRedisFor(backend), variables: MIRROR });
    image = await makeImage(`archive ${backend}`);
    await expectPush(image, `${origin.host}/${NAME}:v1`);
    for (const edge of [archive, mirror]) await expectPull(edge, PROGRAMS[0]);
    await deleteImage();
    await setTimeout(WINDOW_MS);
  });

  async function expectPull(edge: Edge, program: (typeof PROGRAMS)[number] | undefined): Promise<void> {
    if (!program) throw new Error('no program');
    const session = await program.open({ env: {} });
    expect(await session.pull(`${edge.host}/${NAME}:v1`)).toMatchObject(SUCCESS);
    expect(await session.holds(image)).toBe(true);
  }

  /** Deletes the manifest, with it the tag, and the blobs, past the edges. */
  async function deleteImage(): Promise<void> {
    const digests = [image.config.digest, ...image.layers.map(({ digest }) => digest)];
    const paths = [`manifests/${image.manifest.digest}`, ...digests.map((digest) => `blobs/${digest}`)];
    for (const path of paths) expect((await request('DELETE', `${origin.url}/v2/${NAME}/${path}`)).status).toBe(202);
  }

  test.for(PROGRAMS)('$name pulls it whole from the archive', { timeout: LIMIT_MS }, (program) =>
    expectPull(archive, program),
  );

  test('the archive says why it answers, for HEAD and GET', async () => {
    for (const path of ['manifests/v1', `manifests/${image.manifest.digest}`, `blobs/${image.config.digest}`]) {
      const url = `${archive.url}/v2/${NAME}/${path}`;
      for (const answer of [await head(url, HEADERS), await request('GET', url, { headers: HEADERS })]) {
        expect([path, answer.status, answer.headers['cache-status']]).toEqual([
          ...[path, 200, 'registry-edge; fwd=stale; detail=origin-404'],
        ]);
      }
    }
  });

  test('a mirror that is no archive has nothing of it, though it has the bytes', async () => {
    for (const path of ['manifests/v1', `manifests/${image.manifest.digest}`, `blobs/${image.config.digest}`]) {
      const url = `${mirror.url}/v2/${NAME}/${path}`;
      expect([
        path,
        (await head(url, HEADERS)).status,
        (await request('GET', url, { headers: HEADERS })).status,
      ]).toEqual([path, 404, 404]);
    }
  });

  test('what is restarted, and whose origin is gone, has it still; what an operator purges is gone', async () => {
    await origin.stop();
    const tag = `${archive.url}/v2/${NAME}/manifests/v1`;
    expect((await request('GET', tag, { headers: HEADERS })).headers['cache-status']).toContain('detail=unreachable');
    await origin.start();
    expect((await request('DELETE', `${archive.url}/_edge/cache/${NAME}`, ADMIN)).status).toBe(200);
    for (const path of ['manifests/v1', `manifests/${image.manifest.digest}`, `blobs/${image.config.digest}`]) {
      expect([path, (await request('GET', `${archive.url}/v2/${NAME}/${path}`, { headers: HEADERS })).status]).toEqual([
        path,
        404,
      ]);
    }
  });
}
