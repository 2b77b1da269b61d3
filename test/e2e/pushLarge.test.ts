import { beforeAll, expect, test } from 'vitest';
import { isStored, upload } from './support/blobs.ts';
import type { Answer } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { bytesOf, digestOfFile, type LargeBlob, makeLargeBlob } from './support/largeBlob.ts';
import { childNamed, peakMib, residentMib } from './support/procfs.ts';
import { describeSetups, type Setup, type Started, startSetup } from './support/setups.ts';
import { fileOf } from './support/storage.ts';
import { expectStatus, finish, onward, openUpload, patchRange, patchStreamed, putWhole } from './support/uploads.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'kv', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
];
const NAME = 'team/large';
const LAYER_BYTES = 300_000_000;
const CHUNK_BYTES = 70_000_000;
/** More than a Worker takes for streaming, and well below the layer. */
const GROWTH_MAX_MIB = 100;

/** How clients send a blob to the session that they opened. */
const WAYS: readonly { what: string; send(location: string, blob: LargeBlob): Promise<Answer> }[] = [
  {
    what: 'one PUT with its Content-Length',
    send: (location, blob) => putWhole(location, blob.digest, blob.size, bytesOf(blob)),
  },
  {
    what: 'one PATCH without a length',
    async send(location, blob) {
      const sent = expectStatus(await patchStreamed(location, bytesOf(blob)), 202);
      expect(sent.headers.range).toBe(`0-${blob.size - 1}`);
      return finish(onward(sent, location), blob.digest);
    },
  },
  {
    what: `PATCHes of ${CHUNK_BYTES / 1e6} MB, each with its Content-Range`,
    async send(location, blob) {
      let at = location;
      for (let from = 0; from < blob.size; from += CHUNK_BYTES) {
        const end = Math.min(from + CHUNK_BYTES, blob.size);
        const sent = expectStatus(await patchRange(at, from, end - from, bytesOf(blob, from, end)), 202);
        expect(sent.headers.range).toBe(`0-${end - 1}`);
        at = onward(sent, location);
      }
      return finish(at, blob.digest);
    },
  },
];

function uploadLarge(setup: Setup): void {
  let started: Started;
  beforeAll(async () => {
    started = await startSetup(setup);
    expect((await upload(started.edge.url, NAME, makeBlob('small', 1_000))).status).toBe(201);
  });

  test.for(WAYS)(
    `$what: arrives intact, and the edge grows by less than ${GROWTH_MAX_MIB} MiB`,
    async ({ what, send }) => {
      const { origin, edge } = started;
      const blob = await makeLargeBlob(what, LAYER_BYTES);
      const processes = [edge.process.pid, await childNamed(edge.process.pid, 'workerd')];
      const before = await residentMib(...processes);

      const peak = await peakMib(processes, async () => {
        const opened = expectStatus(await openUpload(edge.url, NAME), 202);
        const answer = expectStatus(await send(onward(opened, edge.url), blob), 201);
        expect(answer.headers['docker-content-digest']).toBe(blob.digest);
        expect(onward(answer, edge.url)).toBe(`${edge.url}/v2/${NAME}/blobs/${blob.digest}`);
      });

      expect(await isStored(origin, NAME, blob.digest)).toBe(true);
      expect(await digestOfFile(fileOf(origin, blob.digest))).toBe(blob.digest);
      console.log(`300 MB through the edge in ${what}: node and workerd from ${before} to at most ${peak} MiB`);
      expect(peak - before).toBeLessThan(GROWTH_MAX_MIB);
    },
  );
}

describeSetups([], 'upload of 300 MB', uploadLarge, SETUPS);
