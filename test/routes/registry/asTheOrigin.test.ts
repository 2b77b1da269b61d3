import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { OCI_MANIFEST, pushManifest } from '../../support/pushManifest.ts';
import { scripted } from '../../support/scripted.ts';

/** Small things in which registries differ, and the edge is like the one behind it. */

describe('GET and HEAD of /v2 without its slash', () => {
  // distribution, zot, and a registry to which both are the same.
  it.each<[number, Record<string, string>, string | null]>([
    [301, { location: '{base}/v2/' }, '/v2/'],
    [404, {}, null],
    [200, {}, null],
    [401, { 'www-authenticate': 'Bearer realm="https://auth.test/token"' }, null],
  ])('is the origin’s to answer: %i %j', async (status, headers, location) => {
    const origin = scripted({ status, headers });
    const edge = createEdge({ ORIGIN_URL: origin.url });
    for (const method of ['GET', 'HEAD']) {
      const response = await edge.fetch('/v2', { method });
      expect([response.status, response.headers.get('location')]).toEqual([status, location]);
    }
    expect((await origin.calls()).map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v2', 'HEAD /v2']);
  });

  it.each(['/v2', '/v2/'])('is an open mirror’s own to answer: %s', async (path) => {
    const origin = scripted({ status: 404 });
    const response = await createEdge({ ORIGIN_URL: origin.url, CLIENT_AUTH: 'anonymous' }).fetch(path);
    expect([response.status, await response.text(), await origin.calls()]).toEqual([200, '{}', []]);
  });
});

describe('GET of a manifest with a Range', () => {
  const PART = { 'content-range': 'bytes 0-3/10', 'content-type': OCI_MANIFEST, 'content-length': '4' };

  it.each(['origin', 'anonymous'])('is the origin’s to answer, cold and warm: CLIENT_AUTH=%s', async (auth) => {
    const manifest = await pushManifest();
    const edge = createEdge({ CLIENT_AUTH: auth });
    const whole = { accept: OCI_MANIFEST };
    const part = { ...whole, range: 'bytes=0-3' };
    for (const path of [manifest.path, manifest.tagPath]) {
      for (const _ of ['cold', 'warm']) {
        const cut = await edge.fetch(path, { headers: part });
        expect([cut.status, await cut.text()]).toEqual([206, manifest.bytes.slice(0, 4)]);
        expect(cacheStatusOf(cut)).toContain('fwd=bypass');
        expect(await (await edge.fetch(path, { headers: whole })).text()).toBe(manifest.bytes);
      }
    }
  });

  it('cuts it where the origin does, and keeps no part for the whole', async () => {
    const manifest = await pushManifest();
    const origin = scripted({ status: 206, headers: PART, body: '0123' });
    const edge = createEdge({ ORIGIN_URL: origin.url });
    const headers = { accept: OCI_MANIFEST, range: 'bytes=0-3', 'if-range': `"${manifest.digest}"` };
    const response = await edge.fetch(manifest.path, { headers });
    expect([response.status, await response.text()]).toEqual([206, '0123']);
    expect(Object.fromEntries(response.headers)).toMatchObject(PART);
    expect((await origin.calls())[0]?.headers).toMatchObject(headers);
    expect((await edge.fetch(manifest.path, { method: 'HEAD', headers })).headers.get('cache-status')).not.toContain(
      'hit',
    );
  });
});
