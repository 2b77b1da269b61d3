import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge, mirrored } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { manifestRequest, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';
import { STORES } from '../support/stores.ts';

/** Headers with which a caller may provoke a refusal by a firewall in front of the origin. */
const PROVOCATIONS: Record<string, string>[] = [
  { 'user-agent': 'sqlmap/1.0' },
  { referer: 'https://evil.test/' },
  { 'x-request-id': "' OR 1=1 --" },
  { traceparent: '<script>' },
  { 'accept-language': '../../etc/passwd' },
  { 'content-type': 'evil' },
  { 'if-modified-since': 'evil' },
  { baggage: 'evil' },
  { cookie: 'evil=1' },
  { authorization: 'Basic ZXZpbDpldmls' },
  { 'cdn-loop': "registry-edge-x' union select <script>" },
  { 'cdn-loop': 'registry-edge-0123456789, evil;<script>, registry-edge-01234567;evil="<script>"' },
];

describe('an open mirror', () => {
  it.each(PROVOCATIONS)('forwards nothing by which one caller could provoke a refusal: %j', async (provocation) => {
    const manifest = await pushManifest();
    const blob = await pushBlob(undefined, manifest.name);
    const mirror = createEdge({ CLIENT_AUTH: 'anonymous' });
    for (const path of [blob.path, manifest.path, manifest.tagPath, `/v2/${manifest.name}/tags/list`]) {
      for (const method of ['HEAD', 'GET'] as const)
        await mirror.fetch(path, manifestRequest(method, OCI_MANIFEST, provocation));
    }
    const sent = await rig.requests(`/v2/${manifest.name}/`);
    const seen = sent.slice(2).map(({ headers }) => Object.keys(provocation).map((name) => headers[name] ?? ''));
    for (const value of seen.flat()) expect(value).toMatch(/^(?:registry-edge(?:\/dev|-[0-9a-f]{8}(?:, )?)?)*$/);
  });
});

describe('the Accept that an open mirror sends', () => {
  it.each([
    [`${OCI_MANIFEST}, ${OCI_MANIFEST}`, OCI_MANIFEST],
    [`*/*,${'*/*,'.repeat(2_000)}${OCI_MANIFEST}`, `*/*,${OCI_MANIFEST}`],
  ])('has the form by which the mirror tells questions apart: %#', async (accept, expected) => {
    const manifest = await pushManifest();
    await createEdge({ CLIENT_AUTH: 'anonymous' }).fetch(manifest.path, manifestRequest('GET', accept));
    const [sent] = (await rig.requests(manifest.path)).slice(-1);
    expect(sent?.headers.accept).toBe(expected);
  });
});

describe.each(STORES)('an open mirror, with the cache in $name', ({ variables }) => {
  it('evicts no blob for a 404 that one caller’s Range provoked', async () => {
    const blob = await pushBlob('0123456789');
    const mirror = createEdge({ ...variables, CLIENT_AUTH: 'anonymous' });
    await mirror.fetch(blob.path, { method: 'HEAD' });
    await rig.rule({ prefix: blob.path, status: 404, times: 1 });
    expect((await mirror.fetch(blob.path, { headers: { range: 'bytes=0-evil' } })).status).toBe(404);
    expect(cacheStatusOf(await mirror.fetch(blob.path, { method: 'HEAD' }))).toContain('; hit');
  });

  it.each([401, 403, 404])('evicts no manifest for a %i that one caller’s Accept provoked', async (status) => {
    const { name, path, tagPath } = await pushManifest();
    const mirror = createEdge({ ...variables, CLIENT_AUTH: 'anonymous', STALE_IF_ERROR: '1d' });
    for (const at of [path, tagPath]) await mirror.fetch(at, manifestRequest('GET'));
    // The entries are past their windows now, so the origin is asked.
    mirror.clock.advance(2 * 3_600_000);
    await rig.rule({ prefix: `/v2/${name}/`, status });
    for (const at of [path, tagPath]) {
      for (const accept of [`${OCI_MANIFEST}, text/x-evil`, 'text/x-evil']) {
        expect((await mirror.fetch(at, manifestRequest('GET', accept))).status).toBe(mirrored(status));
      }
    }
    await rig.forget(`/v2/${name}/`);
    await rig.rule({ prefix: `/v2/${name}/`, status: 503 });
    for (const at of [path, tagPath]) {
      const lastGood = await mirror.fetch(at, manifestRequest('GET'));
      expect([lastGood.status, cacheStatusOf(lastGood)]).toEqual([200, 'registry-edge; fwd=stale; detail=origin-503']);
    }
  });
});
