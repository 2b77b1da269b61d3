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
import { DELETE } from '../../support/deletes.ts';
import { cacheStatusOf } from '../../support/edge.ts';
import { EVENTS_TOKEN, eventsOf, sendEvents } from '../../support/events.ts';
import { earnGrant } from '../../support/grant.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { pushToStorage } from '../../support/storage.ts';
import { accessTo, createIssuer, verifying } from '../../support/tokens.ts';

const HEAD = { method: 'HEAD' };
const KNOWN = { authorization: 'Basic a25vd246Y2FsbGVy' };
const OTHER = { authorization: 'Basic b3RoZXI6Y2FsbGVy' };
const OF_ORIGIN: Record<string, string> = { CLIENT_AUTH: 'origin' };

/** Returns an edge whose bucket and cache have a blob, and on which `KNOWN` has a grant. */
async function createKnown(variables: Record<string, string> = {}) {
  const warm = await createWarm({ ...OF_ORIGIN, ...variables });
  await earnGrant(warm.edge, warm.blob, KNOWN);
  return warm;
}

describe('bytes of the edge, for a caller whose access is not proved', () => {
  it.each<[string, Record<string, string>, number, string | undefined]>([
    ['the whole', {}, 200, undefined],
    ['a part', { range: 'bytes=5-9' }, 206, 'bytes=5-9'],
  ])('are sent after the origin’s answer to the same GET: %s', async (_what, headers, status, range) => {
    const { edge, blob, spent } = await createWarm(OF_ORIGIN);
    const { response, text } = await pull(edge, blob.path, { ...headers, ...OTHER });
    expect([response.status, cacheStatusOf(response)]).toEqual([
      status,
      `registry-edge; fwd=bypass${range ? '' : '; stored'}; detail=r2`,
    ]);
    expect(text).toBe(range ? blob.bytes.slice(5, 10) : blob.bytes);
    expect(spent()).toEqual(['get']);
    const asked = await rig.requests(blob.path);
    expect(asked.slice(1)).toMatchObject([{ method: 'GET', headers: { ...OTHER, ...(range && { range }) } }]);
    // The answer was the proof: from now on the origin is not asked.
    expect((await pull(edge, blob.path, OTHER)).text).toBe(blob.bytes);
    expect([spent(), await blob.asked()]).toEqual([['get'], 2]);
  });

  it.each([401, 403, 404, 429, 503])('are not even looked for where the origin answers %i', async (status) => {
    const { edge, blob, spent } = await createWarm(OF_ORIGIN);
    await rig.rule({ prefix: blob.path, unlessAuthorization: '', status, body: '{"errors":[]}' });
    for (const headers of [{}, { range: 'bytes=5-9' }, { range: 'bytes=999999-' }]) {
      const { response, text } = await pull(edge, blob.path, { ...headers, ...OTHER });
      expect([response.status, text, spent()]).toEqual([status, '{"errors":[]}', []]);
      expect(cacheStatusOf(response) ?? '').not.toMatch(/r2|hit/);
    }
  });

  it('are not sent to one who shows another identity besides its Authorization', async () => {
    const { edge, blob, spent } = await createWarm(OF_ORIGIN);
    const { response, text } = await pull(edge, blob.path, { ...OTHER, cookie: 'session=1' });
    expect([response.status, text === blob.bytes, spent()]).toEqual([200, true, []]);
  });

  it('are not sent after the answer of a cache on the way', async () => {
    const { edge, blob, spent } = await createWarm(OF_ORIGIN);
    const headers = { age: '5', 'content-length': '5', 'content-type': 'application/octet-stream' };
    await rig.rule({ prefix: blob.path, status: 200, headers, body: 'stale' });
    expect(await pull(edge, blob.path, OTHER)).toMatchObject({ status: 200, text: 'stale' });
    expect(spent()).toEqual([]);
  });

  it('are not sent to one who has proved HEADs only', async () => {
    const { edge, blob, spent } = await createWarm(OF_ORIGIN);
    await edge.fetch(blob.path, { ...HEAD, headers: OTHER });
    await rig.rule({ prefix: blob.path, method: 'GET', status: 403 });
    expect([(await pull(edge, blob.path, OTHER)).status, spent()]).toEqual([403, []]);
  });
});

describe('bytes of the edge, for a caller with a grant', () => {
  it('are those of this repository only: another one’s digest is a 404, as without bytes', async () => {
    const { edge, blob } = await createKnown();
    const own = await pushBlob(someBytes());
    await earnGrant(edge, own, KNOWN);
    const foreign = `/v2/${own.name}/blobs/${blob.digest}`;
    const plain = await pull(createBytesEdge({ BLOB_STORE: '' }), foreign, KNOWN);
    for (const headers of [{}, { range: 'bytes=5-9' }]) {
      const { status, text } = await pull(edge, foreign, { ...headers, ...KNOWN });
      expect([status, text]).toEqual([404, plain.text]);
    }
    expect((await pull(edge, blob.path, KNOWN)).text).toBe(blob.bytes);
  });

  it('need the origin’s GET once more where the grant ends while they are looked for', async () => {
    const { edge, blob, bucket } = await createKnown({ PUSH_EXISTENCE_TTL: '30s' });
    let isSlow = false;
    const slow = {
      ...bucket,
      get: async (...args: Parameters<BlobBucket['get']>) => {
        if (isSlow) edge.clock.advance(61_000);
        return bucket.get(...args);
      },
    };
    const isolate = createBytesEdge({ ...OF_ORIGIN, PUSH_EXISTENCE_TTL: '30s' }, { bucket: slow, clock: edge.clock });
    await earnGrant(isolate, blob, KNOWN);
    edge.clock.advance(30_000);
    await rig.rule({ prefix: blob.path, method: 'GET', status: 403 });
    isSlow = true;
    expect((await pull(isolate, blob.path, KNOWN)).status).toBe(403);
  });
});

describe('bytes of a blob that was deleted', () => {
  it('are gone at once from the repository where it was deleted through the edge, and stay for others', async () => {
    const { edge, blob, spent } = await createKnown();
    const other = await pushBlob(blob.bytes);
    expect((await edge.fetch(blob.path, DELETE)).status).toBe(202);
    for (const headers of [KNOWN, OTHER]) {
      for (const range of [{}, { range: 'bytes=5-9' }]) {
        expect((await pull(edge, blob.path, { ...range, ...headers })).status).toBe(404);
      }
    }
    spent();
    expect((await pull(edge, other.path, KNOWN)).text).toBe(blob.bytes);
    expect(spent()).toEqual(['get']);
  });

  it('are gone at once where an event tells it, and are not bridged while the origin fails', async () => {
    const variables = { ...MIRROR, EVENTS_TOKEN, STALE_IF_ERROR: '1h' };
    const { edge, blob } = await createWarm(variables);
    await sendEvents(edge, eventsOf(blob.name).deleted(blob.digest));
    await rig.rule({ prefix: blob.path, status: 404, times: 2 });
    expect((await pull(edge, blob.path)).status).toBe(404);
    await rig.rule({ prefix: blob.path, status: 503 });
    expect((await pull(edge, blob.path)).status).toBe(503);
  });

  it('are gone within DESCRIPTOR_TTL where it was deleted past the edge', async () => {
    const { edge, blob } = await createWarm({ ...MIRROR, DESCRIPTOR_TTL: '10s' });
    await rig.rule({ prefix: blob.path, status: 404 });
    expect((await pull(edge, blob.path)).status).toBe(200);
    edge.clock.advance(10_000);
    expect((await pull(edge, blob.path)).status).toBe(404);
    expect(await methodsSince(blob, 1)).toEqual(['HEAD', 'GET']);
  });
});

describe('bytes of a blob that the origin redirects to its storage', () => {
  const LISTED = { REDIRECT_HOSTS: 'localhost' };

  it('are sent to a caller with a grant, and the redirect to a caller without one (BLOB_REDIRECT=pass)', async () => {
    const { bucket, spent } = meteredBucket();
    const edge = createBytesEdge(LISTED, { bucket });
    const stored = await pushToStorage({ bytes: someBytes(1_000) });
    await earnGrant(edge, stored, KNOWN);
    spent();
    expect((await pull(edge, stored.path, KNOWN)).status).toBe(307);
    expect([spent(), await methodsSince(stored, 0)]).toEqual([
      ['get', 'put'],
      ['GET', 'GET'],
    ]);
    const warm = await pull(edge, stored.path, KNOWN);
    expect([warm.status, warm.text === stored.bytes, spent()]).toEqual([200, true, ['get']]);
    expect((await pull(edge, stored.path, OTHER)).status).toBe(307);
    expect(spent()).toEqual([]);
  });

  it('are sent after a redirect that proves access, whose content is cancelled (BLOB_REDIRECT=follow)', async () => {
    const { bucket, spent } = meteredBucket();
    const edge = createBytesEdge({ ...LISTED, BLOB_REDIRECT: 'follow' }, { bucket });
    const stored = await pushToStorage({ bytes: someBytes(1_000) });
    expect((await pull(edge, stored.path, KNOWN)).text).toBe(stored.bytes);
    expect(spent()).toEqual(['get', 'put']);
    const proven = await pull(edge, stored.path, OTHER);
    expect([proven.status, proven.text === stored.bytes, spent()]).toEqual([200, true, ['get']]);
    expect(cacheStatusOf(proven.response)).toBe('registry-edge; fwd=bypass; detail=r2');
    expect(proven.response.headers.get('content-type')).toBe('binary/octet-stream');
  });

  it('are not sent after a redirect to a host that may be anything', async () => {
    const { bucket, spent } = meteredBucket();
    const edge = createBytesEdge({ BLOB_REDIRECT: 'follow' }, { bucket });
    const stored = await pushToStorage({ bytes: someBytes(1_000), redirect: {} });
    await rig.rule({ prefix: `/v2/${stored.name}/blobs/sha256:`, method: 'HEAD', status: 307 });
    const { status, text } = await pull(edge, stored.path, OTHER);
    expect([status, text === stored.bytes, spent()]).toEqual([200, true, []]);
  });
});

describe('bytes of the edge, for tokens that it verifies', () => {
  it('need no question to the origin, whoever has the token, and whether the caller may push or not', async () => {
    const issuer = await createIssuer();
    for (const variables of [{}, { PULL_ONLY_SUBJECTS: 'alice' }]) {
      const { edge, blob, spent } = await createWarm({ ...OF_ORIGIN, ...verifying(issuer, variables) });
      for (let fresh = 0; fresh < 3; fresh++) {
        const token = await issuer.issue(accessTo(blob.name));
        const { text } = await pull(edge, blob.path, { authorization: `Bearer ${token}` });
        expect([text === blob.bytes, spent(), await blob.asked()]).toEqual([true, ['get'], 1]);
      }
      const elsewhere = await issuer.issue(accessTo('of/others'));
      await rig.rule({ prefix: blob.path, unlessAuthorization: '', status: 403 });
      expect((await pull(edge, blob.path, { authorization: `Bearer ${elsewhere}` })).status).toBe(403);
      expect(spent()).toEqual([]);
    }
  });
});
