import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { OCI_MANIFEST, pushManifest } from '../../support/pushManifest.ts';
import { createScriptedServer } from '../../support/scripted.ts';

// Registries differ in these details, and the edge follows the registry behind it.

describe('GET and HEAD of /v2 without its slash', () => {
  // distribution redirects, zot answers 404, and other registries treat both paths alike.
  it.each<[number, Record<string, string>, string | null]>([
    [301, { location: '{base}/v2/' }, '/v2/'],
    [404, {}, null],
    [200, {}, null],
    [401, { 'www-authenticate': 'Bearer realm="https://auth.test/token"' }, null],
  ])('is answered by the origin: %i %j', async (status, headers, location) => {
    const origin = createScriptedServer({ status, headers });
    const edge = createEdge({ ORIGIN_URL: origin.url });
    for (const method of ['GET', 'HEAD']) {
      const response = await edge.fetch('/v2', { method });
      expect([response.status, response.headers.get('location')]).toEqual([status, location]);
    }
    expect((await origin.calls()).map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /v2', 'HEAD /v2']);
  });

  it.each(['/v2', '/v2/'])('is answered by an open mirror itself, as with the slash: %s', async (path) => {
    const origin = createScriptedServer({ status: 404 });
    const response = await createEdge({ ORIGIN_URL: origin.url, CLIENT_AUTH: 'anonymous' }).fetch(path);
    expect([response.status, await response.text(), await origin.calls()]).toEqual([200, '{}', []]);
  });
});

describe('GET of a manifest with a Range', () => {
  const PART = { 'content-range': 'bytes 0-3/10', 'content-type': OCI_MANIFEST, 'content-length': '4' };

  it.each(['origin', 'anonymous'])('is answered by the origin, cold and warm, with CLIENT_AUTH=%s', async (auth) => {
    const manifest = await pushManifest();
    const edge = createEdge({ CLIENT_AUTH: auth });
    const whole = { accept: OCI_MANIFEST };
    const part = { ...whole, range: 'bytes=0-3' };
    for (const path of [manifest.path, manifest.tagPath]) {
      for (const _ of ['cold', 'warm']) {
        const partial = await edge.fetch(path, { headers: part });
        expect([partial.status, await partial.text()]).toEqual([206, manifest.bytes.slice(0, 4)]);
        expect(cacheStatusOf(partial)).toContain('fwd=bypass');
        expect(await (await edge.fetch(path, { headers: whole })).text()).toBe(manifest.bytes);
      }
    }
  });

  it('relays a part where the origin serves ranges, and does not cache it', async () => {
    const manifest = await pushManifest();
    const origin = createScriptedServer({ status: 206, headers: PART, body: '0123' });
    const edge = createEdge({ ORIGIN_URL: origin.url });
    const headers = { accept: OCI_MANIFEST, range: 'bytes=0-3', 'if-range': `"${manifest.digest}"` };
    const response = await edge.fetch(manifest.path, { headers });
    expect([response.status, await response.text()]).toEqual([206, '0123']);
    expect(Object.fromEntries(response.headers)).toMatchObject(PART);
    expect((await origin.calls())[0]?.headers).toMatchObject(headers);
    expect(cacheStatusOf(await edge.fetch(manifest.path, { method: 'HEAD', headers }))).not.toContain('hit');
  });
});
