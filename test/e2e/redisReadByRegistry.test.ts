import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { upload } from './support/blobs.ts';
import { type Edge, startEdge } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { type Blob, makeBlob } from './support/image.ts';
import { type Connection, connect, contentOf, startRedis } from './support/redis.ts';
import { REGISTRIES, type Registry, startRegistry } from './support/registry.ts';
import { describeWith } from './support/tools.ts';
import { until } from './support/until.ts';

/** The headers by which a registry describes a blob. */
const BLOB_HEADERS = ['content-length', 'content-type', 'docker-content-digest', 'etag'];

for (const kind of REGISTRIES) {
  describeWith([kind, 'redis-server'], `BLOBDESCRIPTOR=redis: ${kind} on the edge's database`, () => {
    let origin: Registry;
    /** A registry with an empty storage: it can know a blob from the database alone. */
    let reader: Registry;
    let edge: Edge;
    let client: Connection;
    beforeAll(async () => {
      const redis = await startRedis();
      client = await connect(redis);
      origin = await startRegistry({ kind });
      reader = await startRegistry({ kind, redis });
      edge = await startEdge({ origin: origin.url, backend: 'redis', redis });
    });

    /** Uploads a blob to the origin, and has the edge write its descriptor back. */
    async function writeBack(seed: string, as?: (blob: Blob) => string): Promise<Blob> {
      const blob = makeBlob(`${kind} ${seed}`, 4_321);
      const digest = as?.(blob) ?? blob.digest;
      expect((await upload(origin.url, 'team/app', blob, digest)).status).toBe(201);
      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(404);
      expect((await head(`${edge.url}/v2/team/app/blobs/${digest}`)).status).toBe(200);
      const scoped = `repository::team/app::blobs::${digest}`;
      await until('the write-back is done', async () => (await client.hExists(scoped, 'mediatype')) === 1);
      return blob;
    }

    test("HEAD of a blob after the edge's write-back: the origin's 200, from an empty storage", async () => {
      const { digest, bytes } = await writeBack('read');
      const before = await contentOf(client);

      const answer = await head(`${reader.url}/v2/team/app/blobs/${digest}`);

      const direct = await head(`${origin.url}/v2/team/app/blobs/${digest}`);
      expect([answer.status, answer.headers['content-length']]).toEqual([200, String(bytes.length)]);
      for (const name of BLOB_HEADERS) expect([name, answer.headers[name]]).toEqual([name, direct.headers[name]]);
      expect(await readdir(reader.root).catch(() => [])).toEqual([]);
      // After a miss the registry would have written.
      expect(await contentOf(client)).toEqual(before);
    });

    test('HEAD of the blob in another repository: 404', async () => {
      const { digest } = await writeBack('scoped');
      expect((await head(`${reader.url}/v2/team/other/blobs/${digest}`)).status).toBe(404);
    });

    test('HEAD by the sha512 digest: 200 with the canonical digest', async () => {
      const sha512 = ({ bytes }: Blob) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
      const blob = await writeBack('alias', sha512);

      const { status, headers } = await head(`${reader.url}/v2/team/app/blobs/${sha512(blob)}`);

      expect([status, headers['content-length']]).toEqual([200, String(blob.bytes.length)]);
      expect(headers['docker-content-digest']).toBe(blob.digest);
      expect((await head(`${reader.url}/v2/team/app/blobs/${blob.digest}`)).status).toBe(200);
    });

    test('HEAD after a DELETE through the edge: 404, although the global descriptor still exists', async () => {
      const { digest } = await writeBack('deleted');
      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(200);

      expect((await request('DELETE', `${edge.url}/v2/team/app/blobs/${digest}`)).status).toBe(202);

      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(404);
      expect(await client.exists(`blobs::${digest}`)).toBe(1);
    });

    test.for([
      ['the set', () => 'repository::team/app::blobs'],
      ['the global hash', (digest: string) => `blobs::${digest}`],
      ["the repository's hash", (digest: string) => `repository::team/app::blobs::${digest}`],
    ] as const)('HEAD after %s expired: 404', async ([what, keyOf]) => {
      const { digest } = await writeBack(what);
      expect(await client.del(keyOf(digest))).toBe(1);

      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(404);
    });
  });
}
