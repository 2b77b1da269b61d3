import { describe, expect, inject, it } from 'vitest';
import { uniqueDigest } from '../../support/digests.ts';
import { cacheStatusOf, createEdge, type Edge, stableHeaders } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { UNCHECKED } from '../../support/pushManifest.ts';
import { STORES } from '../../support/stores.ts';

const HEAD = { method: 'HEAD' };

describe.each(STORES)('HEAD of a blob, cache in $name', ({ name: store, variables }) => {
  it('asks the origin once, then answers from the cache with the same headers', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    const cold = await edge.fetch(blob.path, HEAD);
    const warm = await edge.fetch(blob.path, HEAD);
    expect([cold.status, warm.status]).toEqual([200, 200]);
    expect(cacheStatusOf(cold)).toBe('registry-edge; fwd=miss; stored; detail=unproven');
    expect(cacheStatusOf(warm)).toBe(`registry-edge; hit; detail=${store}`);
    expect(stableHeaders(warm)).toEqual(stableHeaders(cold));
    expect(stableHeaders(warm)).toEqual({
      'content-length': String(blob.bytes.length),
      'content-type': 'application/octet-stream',
      'docker-content-digest': blob.digest,
      etag: `"${blob.digest}"`,
      'accept-ranges': 'bytes',
      'docker-distribution-api-version': 'registry/2.0',
      'cache-control': 'no-cache, no-transform',
    });
    expect(await blob.questions()).toEqual([`HEAD ${blob.path}`]);
  });

  it('never answers "absent" from the cache', async () => {
    const { name } = await pushBlob();
    const edge = createEdge(variables);
    const path = `/v2/${name}/blobs/${uniqueDigest()}`;
    for (let n = 0; n < 3; n++) expect((await edge.fetch(path, HEAD)).status).toBe(404);
    expect(await rig.requests(path)).toHaveLength(3);
  });

  it('is a 404 right after a DELETE through the edge', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await edge.fetch(blob.path, HEAD);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('hit');
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(202);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('is a 404 after a DELETE, also where an earlier answer of the origin arrives later', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    const rule = { status: 200, headers: headersOf(blob), holdAs: blob.digest, times: 1 };
    await rig.rule({ prefix: blob.path, method: 'HEAD', ...rule });
    const late = edge.send(blob.path, HEAD);
    await expect.poll(() => blob.asked()).toBe(1);
    edge.clock.advance(1_000);
    expect((await edge.fetch(blob.path, { method: 'DELETE' })).status).toBe(202);
    // Past the skew of clocks: the time of the question counts, not that of the answer.
    edge.clock.advance(10_000);
    await rig.release(blob.digest);
    expect((await late.answer).status).toBe(200);
    await late.over;
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('asks the origin once for many HEADs of one blob by one caller, in sequence or concurrent', async () => {
    const [blob, crowded] = [await pushBlob(), await pushBlob()];
    const edge = createEdge({ ...variables, CACHE_TIMEOUT: '10s' });
    for (let n = 0; n < 200; n++) expect((await edge.fetch(blob.path, HEAD)).status).toBe(200);
    expect(await blob.asked()).toBe(1);
    const crowd = await Promise.all(Array.from({ length: 200 }, () => edge.fetch(crowded.path, HEAD)));
    expect(crowd.every(({ status }) => status === 200)).toBe(true);
    expect(await crowded.asked()).toBe(1);
    expect(crowd.filter((response) => cacheStatusOf(response)?.includes('collapsed')).length).toBeGreaterThan(100);
  });

  it('asks the origin separately for a caller that it refuses, though others ask the same', async () => {
    const blob = await pushBlob();
    const edge = createEdge(variables);
    await rig.rule({ prefix: blob.path, method: 'HEAD', unlessAuthorization: 'Basic eQ==', status: 401 });
    await rig.rule({ prefix: blob.path, method: 'HEAD', delayMs: 100 });
    const as = (authorization: string) => edge.fetch(blob.path, { method: 'HEAD', headers: { authorization } });
    const [refused, ...granted] = await Promise.all([
      as('Basic eA=='),
      as('Basic eQ=='),
      as('Basic eQ=='),
      as('Basic eQ=='),
    ]);
    expect(refused?.status).toBe(401);
    expect(granted.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(await blob.asked()).toBe(2);
  });
});

function headersOf({ digest, bytes }: { digest: string; bytes: string }) {
  return {
    'content-length': String(bytes.length),
    'content-type': 'application/octet-stream',
    'docker-content-digest': digest,
  };
}

describe('HEAD of a blob: windows', () => {
  it('asks the origin again after PUSH_EXISTENCE_TTL for a caller that may push, and renews the entry', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '5m', ...UNCHECKED });
    await edge.fetch(blob.path, HEAD);
    edge.clock.advance(299_000);
    await renewGrant(edge, blob.name);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=durable');
    edge.clock.advance(1_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=stale; stored; detail=push');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=durable');
  });

  it('always asks the origin with PUSH_EXISTENCE_TTL=0 for a caller that may push', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '0' });
    for (let n = 0; n < 3; n++) await edge.fetch(blob.path, HEAD);
    expect(await blob.asked()).toBe(3);
  });

  it('answers a caller that may push from the shared store, never from memory', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 5; n++) {
      expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).not.toContain('memory');
    }
  });

  it('answers a pull-only caller for DESCRIPTOR_TTL, from memory within MEMORY_TTL', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ CLIENT_AUTH: 'anonymous', DESCRIPTOR_TTL: '1h', MEMORY_TTL: '30s' });
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=miss; stored');
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=memory');
    edge.clock.advance(30_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; hit; detail=durable');
    edge.clock.advance(3_600_000);
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toBe('registry-edge; fwd=stale; stored');
    expect(await blob.asked()).toBe(2);
  });

  it('evicts an entry past its window where the origin no longer has the blob', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ PUSH_EXISTENCE_TTL: '1m', ...UNCHECKED });
    await edge.fetch(blob.path, HEAD);
    await fetch(inject('originUrl') + blob.path, { method: 'DELETE' });
    edge.clock.advance(60_000);
    await renewGrant(edge, blob.name);
    expect((await edge.fetch(blob.path, HEAD)).status).toBe(404);
    // To another edge on the store, whose window is longer, the entry would still be young enough.
    const patient = createEdge({ PUSH_EXISTENCE_TTL: '1h' }, { clock: edge.clock });
    await renewGrant(patient, blob.name);
    expect((await patient.fetch(blob.path, HEAD)).status).toBe(404);
  });

  it('writes a digest back only once in half a window, whoever asks', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(blob.path, HEAD);
    const again = await edge.fetch(blob.path, { ...HEAD, headers: { authorization: 'Basic b3RoZXI6Y2FsbGVy' } });
    expect(again.status).toBe(200);
    expect(edge.log.filter((line) => line.includes('"write-back"') && line.includes('"done"'))).toHaveLength(1);
    expect(edge.log.filter((line) => line.includes('"unneeded"'))).toHaveLength(1);
  });
});

/** Renews the caller's grant by another blob of the repository. */
async function renewGrant(edge: Edge, name: string): Promise<void> {
  const { path } = await pushBlob(undefined, name);
  await edge.fetch(path, { method: 'GET' });
}

describe('HEAD of a blob: conditions and queries', () => {
  it('answers 304 where If-None-Match names the digest, cold and warm', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (const condition of [`"${blob.digest}"`, blob.digest, `W/"${blob.digest}"`, '*', `"x", "${blob.digest}"`]) {
      const response = await edge.fetch(blob.path, { ...HEAD, headers: { 'if-none-match': condition } });
      expect([response.status, response.headers.get('etag')]).toEqual([304, `"${blob.digest}"`]);
    }
    const other = await edge.fetch(blob.path, { ...HEAD, headers: { 'if-none-match': '"other"' } });
    expect(other.status).toBe(200);
  });

  it('ignores Range and Accept', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      const headers = { range: 'bytes=0-0', accept: 'application/json' };
      const response = await edge.fetch(blob.path, { ...HEAD, headers });
      expect([response.status, response.headers.get('content-length')]).toEqual([200, String(blob.bytes.length)]);
    }
  });

  it('bypasses the cache where the query is unknown, and teaches it nothing', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(`${blob.path}?ns=docker.io`, HEAD);
      expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=bypass; detail=ns']);
    }
    expect(cacheStatusOf(await edge.fetch(blob.path, HEAD))).toContain('unproven');
    expect(await blob.questions()).toEqual([
      `HEAD ${blob.path}?ns=docker.io`,
      `HEAD ${blob.path}?ns=docker.io`,
      `HEAD ${blob.path}`,
    ]);
  });
});
