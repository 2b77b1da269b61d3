import { setTimeout } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { isStored, upload } from './support/blobs.ts';
import type { Answer } from './support/http.ts';
import { makeBlob } from './support/image.ts';
import { bytesOf, digestOfFile, type LargeBlob, makeLargeBlob } from './support/largeBlob.ts';
import { childNamed, peakMib, residentMib } from './support/procfs.ts';
import { describeSetups, type Setup, type Started, startSetup } from './support/setups.ts';
import { fileOf } from './support/storage.ts';
import {
  expectStatus,
  finish,
  locationOf,
  openUpload,
  patchRange,
  patchStreamed,
  putWhole,
} from './support/uploads.ts';

const SETUPS: readonly Setup[] = [
  { kind: 'docker-registry', backend: 'durable', clientAuth: 'origin' },
  { kind: 'registry', backend: 'redis', clientAuth: 'origin' },
];
const NAME = 'team/large';
const LAYER_BYTES = 300_000_000;
const CHUNK_BYTES = 70_000_000;
/** More than the edge needs for streaming, and well below the size of the layer. */
const GROWTH_MAX_MIB = 100;

/** The ways in which clients upload a blob, once they have opened a session. */
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
      return finish(locationOf(sent, location), blob.digest);
    },
  },
  {
    what: `PATCHes of ${CHUNK_BYTES / 1e6} MB, each with its Content-Range`,
    async send(location, blob) {
      let next = location;
      for (let from = 0; from < blob.size; from += CHUNK_BYTES) {
        const end = Math.min(from + CHUNK_BYTES, blob.size);
        const sent = expectStatus(await patchRange(next, from, end - from, bytesOf(blob, from, end)), 202);
        expect(sent.headers.range).toBe(`0-${end - 1}`);
        next = locationOf(sent, location);
      }
      return finish(next, blob.digest);
    },
  },
];

const STALL_MS = 2_000;

function uploadLarge(setup: Setup): void {
  let started: Started;
  let edgePids: readonly number[];
  beforeAll(async () => {
    started = await startSetup(setup);
    const { edge } = started;
    edgePids = [edge.process.pid, await childNamed(edge.process.pid, 'workerd')];
    expect((await upload(edge.url, NAME, makeBlob('small', 1_000))).status).toBe(201);
  });

  /** Uploads a blob through the edge, and expects that the edge's memory hardly grows. */
  async function expectStreamed(blob: LargeBlob, send: (location: string) => Promise<Answer>): Promise<void> {
    const { origin, edge } = started;
    const before = await residentMib(...edgePids);
    const peak = await peakMib(edgePids, async () => {
      const opened = expectStatus(await openUpload(edge.url, NAME), 202);
      const answer = expectStatus(await send(locationOf(opened, edge.url)), 201);
      expect(answer.headers['docker-content-digest']).toBe(blob.digest);
      expect(locationOf(answer, edge.url)).toBe(`${edge.url}/v2/${NAME}/blobs/${blob.digest}`);
    });

    expect(await isStored(origin, NAME, blob.digest)).toBe(true);
    expect(await digestOfFile(fileOf(origin, blob.digest))).toBe(blob.digest);
    console.log(`300 MB through the edge: its processes from ${before} to at most ${peak} MiB`);
    expect(peak - before).toBeLessThan(GROWTH_MAX_MIB);
  }

  test.for(WAYS)(
    `$what: the blob arrives intact, and the edge grows by less than ${GROWTH_MAX_MIB} MiB`,
    async ({ what, send }) => {
      const blob = await makeLargeBlob(what, LAYER_BYTES);
      await expectStreamed(blob, (location) => send(location, blob));
    },
  );

  test('an origin that pauses makes the client wait; the edge does not buffer the upload', async () => {
    const { origin } = started;
    const blob = await makeLargeBlob('stalled', LAYER_BYTES);
    await expectStreamed(blob, async (location) => {
      const body = bytesOf(blob);
      origin.pause();
      const answer = putWhole(location, blob.digest, blob.size, body);
      await setTimeout(STALL_MS);
      const readDuringStall = body.bytesRead;
      origin.resume();
      await answer;
      expect(readDuringStall).toBeLessThan(LAYER_BYTES / 2);
      return answer;
    });
  });
}

describeSetups([], 'upload of 300 MB', uploadLarge, SETUPS);
