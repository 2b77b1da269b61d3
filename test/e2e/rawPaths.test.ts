import { beforeAll, expect, test } from 'vitest';
import type { Edge } from './support/edge.ts';
import { makeImage } from './support/image.ts';
import type { CountingProxy } from './support/proxy.ts';
import { rawRequest } from './support/raw.ts';
import { startChain } from './support/setups.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

describeWith(['docker-registry', 'skopeo'], 'a path that two programs could parse differently', () => {
  let proxy: CountingProxy;
  let edge: Edge;
  let digest: string;
  beforeAll(async () => {
    const chain = await startChain({ backend: 'durable', variables: { DELETE_ENABLED: 'false' } });
    ({ proxy, edge } = chain);
    const image = await makeImage('raw paths');
    await expectPush(image, `${chain.origin.host}/team/app:v1`);
    digest = image.config.digest;
  });

  test.each([
    ['/v2/other/../team/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/./app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/other/%2e%2e/team/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/other\\..\\team/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team%2Fapp/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/app%00/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/app/blob%2573/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team%5Capp/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/app/blobs//DIGEST', 400, 'NAME_INVALID'],
    ['/v2//team/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/app;x/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/t\u00c3\u00a4am/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    [`/v2/${'a'.repeat(300)}/blobs/DIGEST`, 400, 'NAME_INVALID'],
    ['/v2/Team/app/blobs/DIGEST', 400, 'NAME_INVALID'],
    ['/v2/team/app/blobs/UPPER', 400, 'DIGEST_INVALID'],
    ['/v2/team/app/blobs/SHORT', 400, 'DIGEST_INVALID'],
    ['//v2/team/app/blobs/DIGEST', 404, 'NAME_UNKNOWN'],
    ['/v2%2Fteam/app/blobs/DIGEST', 404, 'NAME_UNKNOWN'],
    ['*', 404, 'NAME_UNKNOWN'],
  ])('%s: %i %s, and the origin receives nothing', async (target, status, code) => {
    const path = target
      .replace('DIGEST', digest)
      .replace('UPPER', digest.toUpperCase().replace('SHA', 'sha'))
      .replace('SHORT', digest.slice(0, -1));
    const before = proxy.requests.length;

    const head = await rawRequest(edge.url, 'HEAD', path);
    expect([head.status, head.body]).toEqual([status, '']);
    const get = await rawRequest(edge.url, 'GET', path);
    expect(get.status).toBe(status);
    expect(get.body).toContain(`"code":"${code}"`);
    expect((await rawRequest(edge.url, 'DELETE', path)).status).toBeGreaterThanOrEqual(400);

    expect(proxy.requests.slice(before)).toEqual([]);
  });

  test.each(['ESCAPED', '/v2/%74eam/app/blob%73/ESCAPED', '/v%32/team/app/blobs/ESCAPED'])(
    '%s can be parsed in one way alone, and the origin is asked for the canonical path',
    async (target) => {
      const path = `/v2/team/app/blobs/${digest}`;
      const escaped = digest.replace(':', '%3A');
      const before = proxy.requests.length;
      const raw = target.startsWith('/') ? target.replace('ESCAPED', escaped) : `/v2/team/app/blobs/${escaped}`;
      for (const method of ['GET', 'HEAD']) expect((await rawRequest(edge.url, method, raw)).status).toBe(200);
      expect((await rawRequest(edge.url, 'DELETE', raw)).status).toBe(405);
      // The GET gave the caller a grant, so the edge answers the HEAD itself.
      expect(new Set(proxy.requests.slice(before))).toEqual(new Set([`GET ${path}`]));
    },
  );

  test('a Host header that contains more than a host is refused, and the origin receives nothing', async () => {
    const before = proxy.requests.length;
    for (const host of ['a/v2/team/app/tags/list?', 'a?', 'a#', 'u@a', 'a b', 'a, b']) {
      const { status, body } = await rawRequest(edge.url, 'GET', '/v2/x', '', host);
      expect([host, status, body]).toEqual([host, 400, expect.stringContaining('REQUEST_INVALID')]);
    }
    expect(proxy.requests.slice(before)).toEqual([]);
  });

  test('headers of 20 kB do not make the edge fail or ask for another path', async () => {
    const path = `/v2/team/app/blobs/${digest}`;
    const before = proxy.requests.length;
    for (const header of ['X-Large', 'Authorization', 'Accept']) {
      const { status } = await rawRequest(edge.url, 'HEAD', path, `${header}: ${'a'.repeat(20_000)}\r\n`);
      expect(status).toBeLessThan(500);
    }
    // To a caller with a grant the edge answers itself.
    expect(new Set(proxy.requests.slice(before))).toEqual(new Set([`HEAD ${path}`]));
  });
});
