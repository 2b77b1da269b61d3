import { describe, expect, it } from 'vitest';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { pushBlob, rig } from '../../support/push.ts';
import { manifestRequest, pushManifest } from '../../support/pushManifest.ts';

const HEAD = { method: 'HEAD' };
const LIST = { MIRRORED_HOSTS: 'docker.io, registry.example.com:5000' };
const MIRROR = { CLIENT_AUTH: 'anonymous' };
const BYPASS = 'registry-edge; fwd=bypass';
const FOREIGN = 'registry-edge; fwd=bypass; detail=ns';

/** Variables, a query, and whether the query names the origin's own content. */
const ROWS: [variables: Record<string, string>, query: string, isOwn: boolean][] = [
  [LIST, '?ns=docker.io', true],
  [LIST, '?ns=registry.example.com:5000', true],
  // As containerd writes it: Go's url.Values escape the colon.
  [LIST, '?ns=registry.example.com%3A5000', true],
  [{}, '?ns=docker.io', false],
  [LIST, '?ns=ghcr.io', false],
  [LIST, '?ns=docker.io.evil.test', false],
  [LIST, '?ns=registry.example.com', false],
  [LIST, '?ns=docker.io&x=1', false],
  [LIST, '?x=1&ns=docker.io', false],
  [LIST, '?ns=docker.io&ns=ghcr.io', false],
  [LIST, '?ns=', false],
  [LIST, '?ns', false],
  [LIST, '?docker.io', false],
  [LIST, '?x=1', false],
];

describe.each([{}, MIRROR])('MIRRORED_HOSTS with %o', (access) => {
  it.each(ROWS)('%o: the cache answers a HEAD of a blob with %s: %s', async (variables, query, isOwn) => {
    const blob = await pushBlob();
    const edge = createEdge({ ...access, ...variables });
    const target = blob.path + query;
    const [cold, warm] = [await edge.fetch(target, HEAD), await edge.fetch(target, HEAD)];
    expect([cold.status, warm.status]).toEqual([200, 200]);
    const [coldStatus, warmStatus] = isOwn ? [/fwd=miss; stored/, /hit/] : [/fwd=bypass/, /fwd=bypass/];
    expect(cacheStatusOf(cold)).toMatch(coldStatus);
    expect(cacheStatusOf(warm)).toMatch(warmStatus);
    expect((await blob.questions()).length).toBe(isOwn ? 1 : 2);
  });
});

describe('MIRRORED_HOSTS', () => {
  it('a blob with and without the query is one entry, for HEAD and GET', async () => {
    const blob = await pushBlob();
    const edge = createEdge(LIST);
    await edge.fetch(`${blob.path}?ns=docker.io`);
    for (const query of ['', '?ns=docker.io', '?ns=registry.example.com:5000']) {
      expect(cacheStatusOf(await edge.fetch(blob.path + query, HEAD))).toBe('registry-edge; hit; detail=durable');
      const condition = { headers: { 'if-none-match': blob.digest } };
      expect(cacheStatusOf(await edge.fetch(blob.path + query, condition))).toBe('registry-edge; hit; detail=durable');
    }
    expect(await blob.questions()).toEqual([`GET ${blob.path}?ns=docker.io`]);
  });

  it.each([
    ['HEAD', {}, 'HEAD'],
    ['GET', { range: 'bytes=0-1' }, 'GET'],
    ['GET', { 'if-none-match': '*' }, 'GET'],
  ])('the origin gets the query that the client sent: %s with %o', async (method, headers, expectedMethod) => {
    const blob = await pushBlob();
    await createEdge(LIST).fetch(`${blob.path}?ns=docker.io`, { method, headers });
    expect(await blob.questions()).toEqual([`${expectedMethod} ${blob.path}?ns=docker.io`]);
  });

  it('a host that is not listed neither uses the cache nor fills it', async () => {
    const blob = await pushBlob();
    const edge = createEdge({ ...LIST, ...MIRROR });
    await edge.fetch(blob.path, HEAD);
    await rig.rule({ prefix: blob.path, status: 200, headers: { 'content-length': '5' }, body: 'other' });
    for (const [query, expected] of [
      ['?ns=ghcr.io', FOREIGN],
      ['?ns=docker.io&x=1', BYPASS],
    ] as const) {
      for (const method of ['HEAD', 'GET']) {
        const response = await edge.fetch(blob.path + query, { method });
        expect([response.headers.get('content-length'), cacheStatusOf(response)]).toEqual(['5', expected]);
      }
    }
    // The log names the variable, once for each host.
    expect(edge.log.filter((line) => line.includes('MIRRORED_HOSTS'))).toEqual([expect.stringContaining('ghcr.io')]);
    expect((await edge.fetch(blob.path, HEAD)).headers.get('content-length')).toBe(String(blob.bytes.length));
  });

  it.each(['HEAD', 'GET'] as const)('applies to a %s of a manifest by digest', async (method) => {
    const manifest = await pushManifest();
    const edge = createEdge({ ...LIST, ...MIRROR });
    for (const [query, expected] of [
      ['?ns=docker.io', 'registry-edge; fwd=miss; stored'],
      ['?ns=docker.io', 'registry-edge; hit; detail=memory'],
      ['?ns=ghcr.io', FOREIGN],
      ['?ns=docker.io&x=1', BYPASS],
    ]) {
      const response = await edge.fetch(manifest.path + query, manifestRequest(method));
      expect([query, response.status, cacheStatusOf(response)]).toEqual([query, 200, expected]);
    }
  });
});
