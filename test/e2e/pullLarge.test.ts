import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { CLIENTS, crane } from './support/clients.ts';
import { SUCCESS } from './support/command.ts';
import { artifact, hashesOf, largestManifest, publish } from './support/contents.ts';
import { digestOfFile, download, type LargeBlob, makeLargeBlob, uploadLarge } from './support/largeBlob.ts';
import { childNamed, peakMib, residentMib } from './support/procfs.ts';
import { describeSetups, FEW_SETUPS, type Started, startSetup } from './support/setups.ts';
import { pulledTree } from './support/tree.ts';

const NAME = 'team/large';
const LAYER_BYTES = 300_000_000;
/** More than a Worker needs for streaming, and well below the size of the layer. */
const GROWTH_MAX_MIB = 150;

describeSetups(
  ['crane', 'oras', 'regctl', 'skopeo'],
  'pull of large content',
  (setup) => {
    let started: Started;
    let layer: LargeBlob;
    const largest = largestManifest('largest');
    beforeAll(async () => {
      started = await startSetup(setup);
      layer = await makeLargeBlob('large', LAYER_BYTES);
      await publish(started.origin.url, NAME, largest, 'manifest');
      await uploadLarge(started.origin.url, NAME, layer);
      const descriptor = { mediaType: 'application/octet-stream', digest: layer.digest, size: layer.size };
      await publish(started.origin.url, NAME, artifact([], { layers: [descriptor] }), 'layer');
      await publish(started.origin.url, NAME, artifact([]), 'small');
    });

    test.for(CLIENTS)(
      'a manifest of 4 MiB with $name, by tag and digest, cold and warm: the same bytes',
      async (client) => {
        const { origin, edge } = started;
        const direct = await client.pull(`${origin.host}/${NAME}:manifest`);
        expect(direct).toMatchObject(SUCCESS);
        const expected = await pulledTree(direct.folder);
        expect(Object.values(expected)).toEqual(expect.arrayContaining(hashesOf(largest)));

        const byTag = `${edge.host}/${NAME}:manifest`;
        const byDigest = `${edge.host}/${NAME}@${largest.manifest.digest}`;
        for (const reference of [byTag, byTag, byDigest, byDigest]) {
          const pulled = await client.pull(reference);
          expect(pulled, reference).toMatchObject(SUCCESS);
          expect(await pulledTree(pulled.folder), reference).toEqual(expected);
        }
      },
    );

    test(`a layer of 300 MB with crane, twice: its bytes, and the Worker grows by less than ${GROWTH_MAX_MIB} MiB`, async () => {
      const { edge } = started;
      expect(await crane.pull(`${edge.host}/${NAME}:small`)).toMatchObject(SUCCESS);
      const workerd = await childNamed(edge.process.pid, 'workerd');
      const before = await residentMib(workerd);

      const peak = await peakMib([workerd], async () => {
        for (const _ of ['cold', 'warm']) {
          const pulled = await crane.pull(`${edge.host}/${NAME}:layer`);
          expect(pulled).toMatchObject(SUCCESS);
          expect(await digestOfFile(join(pulled.folder, 'blobs', ...layer.digest.split(':')))).toBe(layer.digest);
        }
      });

      console.log(`two pulls of 300 MB through the edge: workerd from ${before} to at most ${peak} MiB`);
      expect(peak - before).toBeLessThan(GROWTH_MAX_MIB);
    });

    test('the rest of a blob whose GET broke off, by Range and If-Range with its ETag: every missing byte', async () => {
      const url = `${started.edge.url}/v2/${NAME}/blobs/${layer.digest}`;
      const hash = createHash('sha256');
      const first = await download(url, {}, hash, LAYER_BYTES / 3);
      expect([first.status, first.headers['content-length']]).toEqual([200, String(LAYER_BYTES)]);
      expect(first.bytes).toBeLessThan(LAYER_BYTES);
      const { etag = '' } = first.headers;
      expect(etag).toBe(`"${layer.digest}"`);

      const rest = await download(url, { range: `bytes=${first.bytes}-`, 'if-range': etag }, hash);

      expect([rest.status, rest.headers['content-range']]).toEqual([
        206,
        `bytes ${first.bytes}-${LAYER_BYTES - 1}/${LAYER_BYTES}`,
      ]);
      expect(`sha256:${hash.digest('hex')}`).toBe(layer.digest);
    });
  },
  FEW_SETUPS,
);
