import { describe, expect, it } from 'vitest';
import { uniqueName } from '../support/digests.ts';
import { cacheStatusOf, createEdge } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { manifestRequest, OCI_MANIFEST, pushManifest } from '../support/pushManifest.ts';
import { createScriptedServer } from '../support/scripted.ts';

const MIRROR = { CLIENT_AUTH: 'anonymous', TAG_TTL: '1m' };
const METHODS = ['HEAD', 'GET'] as const;

/** Makes a repository of the origin redirect to the manifests of another one. */
async function redirecting(to?: string, more: Record<string, string> = {}) {
  const manifest = await pushManifest();
  const name = uniqueName();
  const headersOf = (path: string) => ({
    location: to ?? path,
    'x-request-id': 'of the origin',
    vary: 'Cookie',
    ...more,
  });
  const at = (path: string) => path.replace(manifest.name, name);
  for (const path of [manifest.path, manifest.tagPath])
    await rig.rule({ prefix: at(path), status: 307, headers: headersOf(path) });
  return { manifest, path: at(manifest.path), tagPath: at(manifest.tagPath), name };
}

describe('a redirect of a manifest', () => {
  it.each(METHODS.flatMap((method) => [[method, 'digest'] as const, [method, 'tag'] as const]))(
    'is followed by an open mirror, which keeps what it leads to: %s by %s',
    async (method, reference) => {
      const { manifest, path, tagPath, name } = await redirecting();
      const edge = createEdge(MIRROR);
      const asked = reference === 'tag' ? tagPath : path;
      const request = { ...manifestRequest(method), headers: { ...manifestRequest(method).headers, cookie: 'a=b' } };
      const [cold, warm] = [await edge.fetch(asked, request), await edge.fetch(asked, request)];
      for (const answer of [cold, warm]) {
        expect([answer.status, answer.headers.get('docker-content-digest')]).toEqual([200, manifest.digest]);
        expect(answer.headers.get('content-type')).toBe(OCI_MANIFEST);
        if (method === 'GET') expect(await answer.text()).toBe(manifest.bytes);
        else expect(answer.headers.get('content-length')).toBe(String(manifest.bytes.length));
      }
      expect(cacheStatusOf(cold)).toBe('registry-edge; fwd=miss; stored');
      expect(cacheStatusOf(warm)).toContain('registry-edge; hit');
      expect([cold, warm].map(({ headers }) => headers.get('x-request-id'))).toEqual(['of the origin', null]);
      expect((await rig.requests(`/v2/${name}/`)).length).toBe(1);
      for (const { headers } of await rig.requests(manifest.path.replace(manifest.digest, '')))
        expect(headers.cookie).toBeUndefined();
    },
  );

  it('goes to the client where the origin judges the caller', async () => {
    const { manifest, path } = await redirecting();
    const response = await createEdge().fetch(path, manifestRequest('GET'));
    expect([response.status, response.headers.get('location')]).toEqual([307, manifest.path]);
  });

  it.each<[string, () => Promise<string>]>([
    ['to a host that is not allowed', async () => 'https://elsewhere.test/v2/a/manifests/latest'],
    ['to nothing', async () => `/v2/${uniqueName()}/manifests/latest`],
    ['to a page', async () => createScriptedServer({ headers: { 'content-type': 'text/html' }, body: 'log in' }).url],
    ['to a server that does not answer', async () => createScriptedServer({ instead: 'close' }).url],
    ['to more redirects', async () => createScriptedServer({ status: 307, headers: { location: '{base}x' } }).url],
  ])('that leads %s goes to the client', async (_where, target) => {
    const to = await target();
    const { path } = await redirecting(to);
    const edge = createEdge({ ...MIRROR, REDIRECT_HOSTS: '127.0.0.1' });
    for (const method of METHODS) {
      const response = await edge.fetch(path, manifestRequest(method));
      expect([response.status, response.headers.get('location')]).toEqual([307, to]);
      expect(cacheStatusOf(response)).not.toContain('stored');
    }
  });

  it('that leads back goes to the client', async () => {
    const name = uniqueName();
    const path = `/v2/${name}/manifests/latest`;
    await rig.rule({ prefix: path, status: 307, headers: { location: path } });
    const response = await createEdge(MIRROR).fetch(path, manifestRequest('GET'));
    expect([response.status, (await rig.requests(path)).length]).toEqual([307, 1]);
  });

  it.each<[string, Record<string, string>]>([
    ['Age', { age: '60' }],
    ['CF-Cache-Status', { 'cf-cache-status': 'HIT' }],
    ['Cache-Status', { 'cache-status': 'another-edge; hit' }],
  ])('that a cache on the way sent (%s) confirms nothing', async (_header, more) => {
    const { path, tagPath } = await redirecting(undefined, more);
    const edge = createEdge(MIRROR);
    for (const asked of [path, tagPath, path, tagPath]) {
      const response = await edge.fetch(asked, manifestRequest('GET'));
      expect([response.status, cacheStatusOf(response)]).toEqual([200, 'registry-edge; fwd=miss']);
    }
  });

  it('that leads to other content than the digest says is relayed, and nothing is kept', async () => {
    const other = await pushManifest();
    const { path } = await redirecting(other.path);
    const edge = createEdge(MIRROR);
    for (let n = 0; n < 2; n++) {
      const response = await edge.fetch(path, manifestRequest('GET'));
      expect(await response.text()).toBe(other.bytes);
      expect(cacheStatusOf(response)).toBe('registry-edge; fwd=miss');
    }
  });
});
