import { describe, expect, it } from 'vitest';
import { uniqueDigest, uniqueName } from './support/digests.ts';
import { createEdge } from './support/edge.ts';
import { ADMIN_TOKEN, OPERATOR } from './support/purge.ts';
import { rig } from './support/push.ts';

describe('the Host of a request', () => {
  // workerd concatenates scheme, Host and target to a URL: the second value is its path for `GET /v2/x`.
  it.each([
    ['a/v2/b/tags/list?', '/v2/b/tags/list?/v2/x'],
    ['a/v2/', '/v2//v2/x'],
    ['a?', '?/v2/x'],
    ['a#', '#/v2/x'],
    ['someone@a', '/v2/x'],
    ['a, b', '/v2/x'],
    ['a b', '/v2/x'],
    ['a\\b', '/v2/x'],
    ['a:b', '/v2/x'],
    ['a%2f', '/v2/x'],
    ['', '/v2/x'],
  ])('is refused where it names no host: %j', async (host, target) => {
    const edge = createEdge();
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const response = await edge.fetch(target, { method, headers: { host } });
      expect(response.status).toBe(400);
      const body = await response.text();
      if (method === 'HEAD') expect(body).toBe('');
      else expect(JSON.parse(body)).toMatchObject({ errors: [{ code: 'REQUEST_INVALID', detail: { host } }] });
    }
    expect(await rig.requests('/v2/b/')).toEqual([]);
  });

  it.each(['edge.test', 'EDGE.test:443', 'edge_1', '127.0.0.1:8787', '[::1]', '[2001:db8::1]:5000', 'a:', 'a.b.'])(
    'is accepted: %j',
    async (host) => {
      expect((await createEdge().fetch('/v2/', { headers: { host } })).status).toBe(200);
    },
  );
});

describe('the method of a request', () => {
  it.each(['TRACE', 'PROPFIND', 'MKCOL', 'COPY', 'LOCK', 'PURGE', 'QUERY', 'SEARCH', 'SUBSCRIBE'])(
    'is refused where registries do not use it, without the origin: %s',
    async (method) => {
      const edge = createEdge();
      const name = uniqueName();
      for (const path of ['/v2', '/v2/', `/v2/${name}/blobs/${uniqueDigest()}`, `/v2/${name}/blobs/uploads/x`]) {
        const response = await edge.fetch(path, { method });
        expect(response.status).toBe(405);
        expect(response.headers.get('allow')).toBe('GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS');
        expect(await response.json()).toMatchObject({ errors: [{ code: 'UNSUPPORTED' }] });
      }
      expect(await rig.requests(`/v2/${name}/`)).toEqual([]);
    },
  );
});

describe('a path with unambiguous escapes', () => {
  it('is sent to the origin, and cached, in its unescaped form', async () => {
    const edge = createEdge();
    const name = uniqueName();
    const hex = uniqueDigest().slice('sha256:'.length);
    const path = `/v2/${name}/blobs/sha256:${hex}`;
    await rig.rule({ prefix: path, headers: { 'content-length': '3', 'content-type': 'a/b' }, status: 200 });
    const spellings = [path, `/v2/${name}/blobs/sha256%3A${hex}`, `/v%32/${name}/blob%73/sha256%3a${hex}`];
    const answers: unknown[] = [];
    for (const spelling of spellings) {
      const response = await edge.fetch(spelling, { method: 'HEAD' });
      answers.push([response.status, response.headers.get('cache-status')]);
    }
    expect(answers).toEqual([
      [200, 'registry-edge; fwd=miss; stored; detail=unproven'],
      [200, 'registry-edge; hit; detail=durable'],
      [200, 'registry-edge; hit; detail=durable'],
    ]);
    expect((await rig.requests(`/v2/${name}/`)).map((request) => request.path)).toEqual([path]);
  });

  it('means the same on the paths for operators', async () => {
    const edge = createEdge({ ADMIN_TOKEN, BLOBDESCRIPTOR: 'inmemory' });
    const [name, digest] = [uniqueName(), uniqueDigest()];
    const escaped = digest.replace(':', '%3A');
    const answerTo = async (path: string, method = 'DELETE') => {
      const response = await edge.fetch(path, { method, headers: OPERATOR });
      return [response.status, await response.json()];
    };
    expect(await answerTo(`/_edge/cache/${name}%40${escaped}`)).toEqual(
      await answerTo(`/_edge/cache/${name}@${digest}`),
    );
    expect(await answerTo(`/_edg%65/descriptors/${escaped}`, 'GET')).toEqual([
      200,
      { digest, blobs: null, manifests: null },
    ]);
    expect((await answerTo('/_edge/cache/a%2Fb'))[0]).toBe(400);
    expect((await answerTo(`/_edge/descriptors/${digest.replace(':', '%253A')}`, 'GET'))[0]).toBe(400);
  });
});
