import { describe, expect, it } from 'vitest';
import { within } from '../../src/async.ts';
import type { AskedAs } from '../../src/http/identity.ts';
import { createLoopGuard } from '../../src/origin/loop.ts';
import { uniqueDigest, uniqueName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { OCI_MANIFEST } from '../support/pushManifest.ts';

const ORIGIN = new URL('https://registry.test/base');
const mark = (value?: string, { origin = ORIGIN, askedAs = 'caller' }: { origin?: URL; askedAs?: AskedAs } = {}) =>
  createLoopGuard(origin, askedAs).mark(new Headers(value === undefined ? {} : { 'cdn-loop': value }));

describe('createLoopGuard', () => {
  it('names an edge after its origin: the same in all isolates, different for other origins', () => {
    expect(mark()).toMatch(/^registry-edge-[0-9a-f]{8}$/);
    expect(mark()).toBe(mark());
    const others = ['https://registry.test/', 'http://registry.test/base', 'https://edge.test/base'];
    expect(new Set([mark(), ...others.map((url) => mark(undefined, { origin: new URL(url) }))]).size).toBe(4);
  });

  it.each([
    ['', ''],
    ['cloudflare', 'cloudflare, '],
    ['a.test:80; x="1", fastly', 'a.test:80; x="1", fastly, '],
    ['registry-edge-00000000', 'registry-edge-00000000, '],
    [' , ,a', 'a, '],
  ])('appends the edge’s name to %j', (value, expectedPrefix) => {
    expect(mark(value)).toBe(expectedPrefix + mark());
  });

  it.each(['OWN', 'a, OWN', 'OWN;v=1, b', 'a,OWN ; x', 'UPPER'])('recognizes its own name in %j', (value) => {
    const header = value.replace('OWN', mark()).replace('UPPER', mark().toUpperCase());
    expect(() => mark(header)).toThrow(expect.objectContaining({ code: 'LOOP_DETECTED', status: 508 }));
  });

  it('forwards only the names of other edges when callers are anonymous', () => {
    expect(mark('cloudflare, registry-edge-00000000;a=b, x', { askedAs: 'nobody' })).toBe(
      `registry-edge-00000000, ${mark()}`,
    );
  });
});

describe('a request that returns to the edge', () => {
  const digest = uniqueDigest();
  const REQUESTS: [string, string, string][] = [
    ['GET', '/v2/', ''],
    ['HEAD', '', `blobs/${digest}`],
    ['GET', '', `blobs/${digest}`],
    ['HEAD', '', 'manifests/latest'],
    ['GET', '', `manifests/${digest}`],
    ['GET', '', 'tags/list'],
    ['DELETE', '', `blobs/${digest}`],
    ['POST', '', 'blobs/uploads/'],
    ['PUT', '', 'manifests/latest'],
  ];

  it.each(REQUESTS)(
    'gets a 508 that says what to do, and is not sent to the origin: %s %s%s',
    async (method, base, target) => {
      const edge = createEdge({ LIST_TTL: '10s' });
      const name = uniqueName();
      const path = base || `/v2/${name}/${target}`;
      await edge.fetch(`/v2/${name}/tags/list`);
      const [first] = await rig.requests(`/v2/${name}/`);
      const headers = { 'cdn-loop': first?.headers['cdn-loop'] ?? '', accept: OCI_MANIFEST };
      const response = await edge.fetch(path, { method, headers });
      expect(response.status).toBe(508);
      if (method !== 'HEAD') {
        expect(await response.json()).toEqual({
          errors: [{ code: 'UNAVAILABLE', message: expect.stringContaining('ORIGIN_URL leads back to this edge') }],
        });
      }
      expect(edge.log.join('\n')).toContain('ORIGIN_URL leads back');
      expect(await rig.requests(`/v2/${name}/`)).toHaveLength(1);
    },
  );
});

describe('a request that returns to the edge while the first round waits', () => {
  it.each(['origin', 'anonymous'])('is not made to wait for itself, with CLIENT_AUTH=%s', async (clientAuth) => {
    const { path, digest, name } = await pushBlob();
    await rig.rule({ prefix: path, status: 404, holdAs: digest });
    const edge = createEdge({ CLIENT_AUTH: clientAuth });
    const first = edge.send(path, { method: 'HEAD' });
    await expect.poll(async () => (await rig.requests(`/v2/${name}/`)).length).toBe(2);
    const mark = (await rig.requests(`/v2/${name}/`)).at(-1)?.headers['cdn-loop'] ?? '';
    const second = edge.send(path, { method: 'HEAD', headers: { 'cdn-loop': mark } });
    expect((await within(second.answer, 2_000))?.status).toBe(508);
    await rig.release(digest);
    await Promise.all([first.over, second.over]);
    expect((await first.answer).status).toBe(404);
  });
});

describe('a redirect of the origin that leads back to the edge', () => {
  const CLIENT = { 'cdn-loop': 'cloudflare; secret=1, registry-edge-00000000' };
  const CASES: [string, string, () => string, Record<string, string>][] = [
    ['HEAD', 'a blob', () => `blobs/${uniqueDigest()}`, {}],
    ['GET', 'a blob', () => `blobs/${uniqueDigest()}`, { BLOB_REDIRECT: 'follow' }],
    ['HEAD', 'a manifest', () => 'manifests/latest', { CLIENT_AUTH: 'anonymous' }],
    ['GET', 'a manifest', () => `manifests/${uniqueDigest()}`, { CLIENT_AUTH: 'anonymous' }],
  ];

  it.each(CASES)(
    'is recognized there by the mark that it carries: %s of %s',
    async (method, _what, below, variables) => {
      const path = `/v2/${uniqueName()}/${below()}`;
      const target = `/v2/${uniqueName()}/blobs/${uniqueDigest()}`;
      await rig.rule({ prefix: path, status: 307, headers: { location: target } });
      const edge = createEdge(variables);
      await edge.fetch(path, { method, headers: { ...CLIENT, accept: OCI_MANIFEST } });
      const followed = await rig.requests(target);
      expect(followed.length).toBeGreaterThan(0);
      for (const { headers } of followed) {
        expect(headers['cdn-loop']).toMatch(/^registry-edge-00000000, registry-edge-[0-9a-f]{8}$/);
        const response = await edge.fetch(path, { method, headers: { 'cdn-loop': headers['cdn-loop'] ?? '' } });
        expect(response.status).toBe(508);
      }
    },
  );
});
