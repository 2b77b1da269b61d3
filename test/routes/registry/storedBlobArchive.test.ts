import { env } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import type { BlobBucket } from '../../../src/bytes/r2.ts';
import {
  createBytesEdge,
  createWarm,
  MIRROR,
  meteredBucket,
  methodsSince,
  pull,
  someBytes,
} from '../../support/bytes.ts';
import { cacheStatusOf } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../../support/events.ts';
import { type Pushed, pushBlob, rig } from '../../support/push.ts';

const HEAD = { method: 'HEAD' };
const HOUR_MS = 3_600_000;
const ADMIN_TOKEN = 'the-operators-token';
const ARCHIVE = {
  ...{ ...MIRROR, KEEP_DELETED: 'keep', DESCRIPTOR_TTL: '10s', STALE_IF_ERROR: '1h', EVENTS_TOKEN, ADMIN_TOKEN },
};
const KEPT = 'registry-edge; fwd=stale; detail=origin-404';

const deleteAt = (blob: Pushed) => rig.rule({ prefix: `/v2/${blob.name}/`, status: 404 });

describe('bytes of a blob that the origin has deleted, in an archive (KEEP_DELETED=keep)', () => {
  it('are sent until STALE_IF_ERROR is over, after one HEAD each, as a whole and in part', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    for (let round = 0; round < 2; round++) {
      const whole = await pull(edge, blob.path);
      expect([whole.status, whole.text === blob.bytes, cacheStatusOf(whole.response)]).toEqual([200, true, KEPT]);
      const part = await pull(edge, blob.path, { range: 'bytes=5-9' });
      expect([part.status, part.text, cacheStatusOf(part.response)]).toEqual([206, blob.bytes.slice(5, 10), KEPT]);
    }
    expect(await methodsSince(blob, 1)).toEqual(['HEAD', 'HEAD', 'HEAD', 'HEAD']);
    edge.clock.advance(HOUR_MS);
    expect((await pull(edge, blob.path)).status).toBe(404);
  });

  it.each([404, 503])('exist for a HEAD, too, where the origin answers %i', async (status) => {
    const { edge, blob } = await createWarm(ARCHIVE);
    const warm = await edge.fetch(blob.path, HEAD);
    await rig.rule({ prefix: `/v2/${blob.name}/`, status });
    edge.clock.advance(10_000);
    const head = await edge.fetch(blob.path, HEAD);
    expect([head.status, cacheStatusOf(head)]).toEqual([200, `registry-edge; fwd=stale; detail=origin-${status}`]);
    expect(head.headers.get('content-length')).toBe(warm.headers.get('content-length'));
  });

  it('a blob without bytes at the edge is not said to exist', async () => {
    const { edge } = await createWarm(ARCHIVE);
    const other = await pushBlob('told by a HEAD alone');
    expect((await edge.fetch(other.path, HEAD)).status).toBe(200);
    await deleteAt(other);
    edge.clock.advance(10_000);
    expect((await edge.fetch(other.path, HEAD)).status).toBe(404);
    expect((await pull(edge, other.path)).status).toBe(404);
  });

  it('stay where a HEAD is denied while the bucket fails', async () => {
    let isDown = false;
    const real = env.BLOBS as unknown as BlobBucket;
    const head: BlobBucket['head'] = (key) => (isDown ? Promise.reject(new Error('down')) : real.head(key));
    const edge = createBytesEdge(ARCHIVE, meteredBucket({ head }));
    const blob = await pushBlob(someBytes());
    await pull(edge, blob.path);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    isDown = true;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
    isDown = false;
    expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
  });

  it('are sent after an event that tells of the delete', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    await deleteAt(blob);
    await sendEvents(edge, eventsOf(blob.name).deleted(blob.digest));
    expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
    edge.clock.advance(10_000);
    expect((await pull(edge, blob.path)).text).toBe(blob.bytes);
  });

  it('are gone once an operator removes them', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    await deleteAt(blob);
    const remove = { method: 'DELETE', headers: { authorization: `Bearer ${ADMIN_TOKEN}` } };
    expect((await edge.fetch(`/_edge/blobs/${blob.digest}`, remove)).status).toBeLessThan(300);
    expect((await pull(edge, blob.path)).status).toBe(404);
  });

  it('are not those of a repository that never had the blob', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    const elsewhere = await pushBlob('another blob');
    const path = `/v2/${elsewhere.name}/blobs/${blob.digest}`;
    for (const request of [HEAD, {}]) expect((await edge.fetch(path, request)).status).toBe(404);
  });

  it('a GET of the whole that the origin denies evicts nothing', async () => {
    const { edge, blob } = await createWarm(ARCHIVE);
    await deleteAt(blob);
    edge.clock.advance(10_000);
    expect((await pull(edge, blob.path, { 'if-match': '"x"' })).status).toBe(404);
    expect((await pull(edge, blob.path)).status).toBe(200);
  });
});
