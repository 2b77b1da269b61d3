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

/** What a registry says of a blob, beside the moment. */
const TOLD = ['content-length', 'content-type', 'docker-content-digest', 'etag'];

for (const kind of REGISTRIES) {
  describeWith([kind, 'redis-server'], `BLOBDESCRIPTOR=redis: ${kind} on the edge's database`, () => {
    let origin: Registry;
    /** Has nothing of its own: what it knows of a blob it can have from the database only. */
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

    /** A blob that the origin has, and that the edge has written when this is over. */
    async function written(seed: string, as?: (blob: Blob) => string): Promise<Blob> {
      const blob = makeBlob(`${kind} ${seed}`, 4_321);
      const digest = as?.(blob) ?? blob.digest;
      expect((await upload(origin.url, 'team/app', blob, digest)).status).toBe(201);
      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(404);
      expect((await head(`${edge.url}/v2/team/app/blobs/${digest}`)).status).toBe(200);
      const scoped = `repository::team/app::blobs::${digest}`;
      await until('the write-back is done', async () => (await client.hExists(scoped, 'mediatype')) === 1);
      return blob;
    }

    test("HEAD of a blob after the edge's write-back: 200 as the origin's, from an empty storage", async () => {
      const { digest, bytes } = await written('read');
      const before = await contentOf(client);

      const answer = await head(`${reader.url}/v2/team/app/blobs/${digest}`);

      const direct = await head(`${origin.url}/v2/team/app/blobs/${digest}`);
      expect([answer.status, answer.headers['content-length']]).toEqual([200, String(bytes.length)]);
      for (const name of TOLD) expect([name, answer.headers[name]]).toEqual([name, direct.headers[name]]);
      expect(await readdir(reader.root).catch(() => [])).toEqual([]);
      // A miss would have been written back.
      expect(await contentOf(client)).toEqual(before);
    });

    test('HEAD of it in another repository: 404', async () => {
      const { digest } = await written('scoped');
      expect((await head(`${reader.url}/v2/team/other/blobs/${digest}`)).status).toBe(404);
    });

    test('HEAD under its sha512: 200 with the canonical digest', async () => {
      const sha512 = ({ bytes }: Blob) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
      const blob = await written('alias', sha512);

      const { status, headers } = await head(`${reader.url}/v2/team/app/blobs/${sha512(blob)}`);

      expect([status, headers['content-length']]).toEqual([200, String(blob.bytes.length)]);
      expect(headers['docker-content-digest']).toBe(blob.digest);
      expect((await head(`${reader.url}/v2/team/app/blobs/${blob.digest}`)).status).toBe(200);
    });

    test('HEAD after a DELETE through the edge: 404, though the global descriptor is still there', async () => {
      const { digest } = await written('deleted');
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
      const { digest } = await written(what);
      expect(await client.del(keyOf(digest))).toBe(1);

      expect((await head(`${reader.url}/v2/team/app/blobs/${digest}`)).status).toBe(404);
    });
  });
}
