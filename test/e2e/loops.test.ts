import { expect, test } from 'vitest';
import { OCI } from './support/contents.ts';
import { startEdge, startProgram } from './support/edge.ts';
import { head, request } from './support/http.ts';
import { makeImage } from './support/image.ts';
import { freePort } from './support/port.ts';
import { startCountingProxy } from './support/proxy.ts';
import { startRegistry } from './support/registry.ts';
import { expectPush } from './support/skopeo.ts';
import { describeWith } from './support/tools.ts';

describeWith([], 'an ORIGIN_URL that leads back to the edge', () => {
  test.each([
    ['127.0.0.1', {}],
    ['localhost', {}],
    ['127.0.0.1', { HOST: 'localhost' }],
    ['[::1]', { HOST: '::1' }],
    ['127.0.0.2', { HOST: '0.0.0.0' }],
  ])('names %s and its own port, %j: the program exits with one sentence', async (host, variables) => {
    const port = await freePort();
    const program = startProgram({ ORIGIN_URL: `http://${host}:${port}/`, PORT: String(port), ...variables });
    expect((await program.exited).code).toBeGreaterThan(0);
    expect(program.stderr().trim()).toMatch(new RegExp(`^ORIGIN_URL: http://.+:${port}/ .+\\.$`));
  });

  test('leads through a proxy, which the program cannot detect at its start: a request is a 508 and makes one more', async () => {
    const port = await freePort();
    const proxy = await startCountingProxy(`http://127.0.0.1:${port}`);
    const edge = await startEdge({ origin: proxy.url, backend: 'inmemory', variables: { PORT: String(port) } });
    for (const path of ['/v2/', '/v2/a/tags/list', '/v2/a/manifests/latest']) {
      const before = proxy.requests.length;
      const { status, body } = await request('GET', edge.url + path);
      expect([status, body.toString()]).toEqual([508, expect.stringContaining('ORIGIN_URL leads back to this edge')]);
      expect(proxy.requests.slice(before)).toEqual([`GET ${path}`]);
    }
    expect(edge.process.stdout()).toContain('ORIGIN_URL leads back to this edge');
  });

  test('leads through another edge: a 508, and each edge sends one request', async () => {
    const port = await freePort();
    const proxy = await startCountingProxy(`http://127.0.0.1:${port}`);
    const inner = await startEdge({ origin: proxy.url, backend: 'inmemory' });
    const edge = await startEdge({ origin: inner.url, backend: 'inmemory', variables: { PORT: String(port) } });
    expect((await request('GET', `${edge.url}/v2/a/tags/list`)).status).toBe(508);
    expect(proxy.requests).toEqual(['GET /v2/a/tags/list']);
  });
});

describeWith(['docker-registry', 'skopeo'], 'an edge in front of an edge', () => {
  test.each([
    ['origin', '0'],
    ['anonymous', '10s'],
  ])('serves pushes and pulls as the registry does, the outer one with CLIENT_AUTH=%s', async (auth, listTtl) => {
    const origin = await startRegistry();
    const inner = await startEdge({ origin: origin.url, backend: 'inmemory' });
    const variables = { CLIENT_AUTH: auth, LIST_TTL: listTtl };
    const outer = await startEdge({ origin: inner.url, backend: 'inmemory', variables });
    const image = await makeImage(`chained ${auth}`);
    const target = auth === 'origin' ? outer : inner;
    await expectPush(image, `${target.host}/team/app:v1`);
    for (const _ of ['cold', 'warm']) {
      expect((await head(`${outer.url}/v2/team/app/blobs/${image.config.digest}`)).status).toBe(200);
      const manifest = await request('GET', `${outer.url}/v2/team/app/manifests/v1`, {
        headers: { accept: OCI.manifest },
      });
      const list = await request('GET', `${outer.url}/v2/team/app/tags/list`);
      expect([manifest.status, JSON.parse(list.body.toString())]).toEqual([200, { name: 'team/app', tags: ['v1'] }]);
    }
  });
});
