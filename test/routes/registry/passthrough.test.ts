import { describe, expect, inject, it } from 'vitest';
import { uniqueName } from '../../support/digests.ts';
import { cacheStatusOf, createEdge } from '../../support/edge.ts';
import { pushBlob, rig, sha256 } from '../../support/push.ts';

const edge = createEdge();

describe('passThrough', () => {
  it('pushes an image through an upload session, and pulls it', async () => {
    const name = uniqueName();
    const digest = await sha256('layer');
    const post = await edge.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST' });
    expect(post.status).toBe(202);
    const session = post.headers.get('location') ?? '';
    expect(session).toMatch(new RegExp(`^/v2/${name}/blobs/uploads/.`));
    const patch = await edge.fetch(session, { method: 'PATCH', body: 'lay' });
    expect([patch.status, patch.headers.get('range')]).toEqual([202, '0-2']);
    const outOfOrder = await edge.fetch(session, { method: 'PATCH', body: 'x', headers: { 'content-range': '9-9' } });
    expect(outOfOrder.status).toBe(416);
    expect((await edge.fetch(session)).status).toBe(204);
    const put = await edge.fetch(`${session}?digest=${digest}`, { method: 'PUT', body: 'er' });
    expect([put.status, put.headers.get('location')]).toEqual([201, `/v2/${name}/blobs/${digest}`]);
    const manifest = JSON.stringify({ schemaVersion: 2, config: { digest }, layers: [] });
    const tagged = await edge.fetch(`/v2/${name}/manifests/latest`, { method: 'PUT', body: manifest });
    expect(tagged.status).toBe(201);
    expect(await (await edge.fetch(`/v2/${name}/manifests/latest`)).text()).toBe(manifest);
    expect(await (await edge.fetch(`/v2/${name}/blobs/${digest}`)).text()).toBe('layer');
    expect(await (await edge.fetch(`/v2/${name}/tags/list`)).json()).toEqual({ name, tags: ['latest'] });
  });

  it('sends path, query and method of the request to the origin unchanged', async () => {
    const name = uniqueName();
    const targets = [
      `/v2/${name}/tags/list?n=1&last=a%2Fb`,
      `/v2/${name}/_ext/a:b@c/d?x=%00&y=a+b`,
      `/v2/${name}/manifests/blake3:abcd?`,
    ];
    for (const target of targets) await edge.fetch(target, { method: 'OPTIONS' });
    const requests = await rig.requests(`/v2/${name}/`);
    expect(requests.map(({ method, path }) => `${method} ${path}`)).toEqual(
      targets.map((target) => `OPTIONS ${target.replace(/\?$/, '')}`),
    );
  });

  it('does not send hop-by-hop headers, and asks for unencoded content', async () => {
    const name = uniqueName();
    await edge.fetch(`/v2/${name}/tags/list`, {
      headers: {
        connection: 'x-private, authorization',
        'x-private': '1',
        authorization: 'Basic YTpi',
        te: 'trailers',
        'proxy-authorization': 'Basic x',
        'x-forwarded-host': 'evil.test',
        forwarded: 'host=evil.test',
        'accept-encoding': 'gzip',
        accept: 'application/json',
        'user-agent': 'docker/29',
      },
    });
    const [sent] = await rig.requests(`/v2/${name}/`);
    for (const header of ['x-private', 'te', 'proxy-authorization', 'x-forwarded-host', 'forwarded']) {
      expect(sent?.headers[header]).toBeUndefined();
    }
    expect(sent?.headers).toMatchObject({
      'accept-encoding': 'identity',
      accept: 'application/json',
      'user-agent': 'docker/29',
      // The edge identifies the caller by it, so the origin has to see it, even where Connection names it.
      authorization: 'Basic YTpi',
    });
  });

  it('passes on the response headers that clients rely on', async () => {
    const name = uniqueName();
    const headers = {
      'docker-upload-uuid': 'u',
      'oci-chunk-min-length': '5',
      'oci-subject': 'sha256:x',
      'oci-filters-applied': 'artifactType',
      'oci-tag': 'a',
      warning: '299 - "deprecated"',
      'retry-after': '7',
      'ratelimit-remaining': '0;w=60',
      link: '</v2/_catalog?last=x&n=1>; rel="next"',
    };
    await rig.rule({ prefix: `/v2/${name}/`, status: 429, headers, body: '{"errors":[{"code":"TOOMANYREQUESTS"}]}' });
    const response = await edge.fetch(`/v2/${name}/tags/list`);
    expect(response.status).toBe(429);
    expect(Object.fromEntries(response.headers)).toMatchObject(headers);
    expect(await response.json()).toEqual({ errors: [{ code: 'TOOMANYREQUESTS' }] });
  });

  it('relays a redirect to object storage, and does not follow it', async () => {
    const blob = await pushBlob();
    const location = 'https://storage.test/blob?X-Amz-Signature=abc%2Fdef';
    await rig.rule({ prefix: blob.path, method: 'GET', status: 307, headers: { location } });
    const response = await edge.fetch(blob.path);
    expect([response.status, response.headers.get('location')]).toEqual([307, location]);
    expect(edge.log.join('\n')).not.toContain('X-Amz-Signature');
  });

  it('does not hang on a 416 that announces more than it sends', async () => {
    const blob = await pushBlob();
    const response = await edge.fetch(blob.path, { headers: { range: 'bytes=999999-' } });
    expect(response.status).toBe(416);
    expect(response.headers.get('content-range')).toBe(`bytes */${blob.bytes.length}`);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'RANGE_INVALID' }] });
  });

  it('passes on ranges and conditions of a GET', async () => {
    const blob = await pushBlob('0123456789');
    const part = await edge.fetch(blob.path, { headers: { range: 'bytes=2-4' } });
    expect([part.status, await part.text(), part.headers.get('content-range')]).toEqual([206, '234', 'bytes 2-4/10']);
    const same = await edge.fetch(blob.path, { headers: { 'if-none-match': `"${blob.digest}"` } });
    expect(same.status).toBe(304);
  });

  it('stores a descriptor from a complete GET, and none from a range', async () => {
    const [whole, part] = [await pushBlob('0123456789'), await pushBlob('abcdefghij')];
    await edge.fetch(part.path, { headers: { range: 'bytes=2-4' } });
    expect(cacheStatusOf(await edge.fetch(part.path, { method: 'HEAD' }))).toContain('fwd=miss');
    await edge.fetch(whole.path);
    const head = await edge.fetch(whole.path, { method: 'HEAD' });
    expect(cacheStatusOf(head)).toBe('registry-edge; hit; detail=durable');
    expect(head.headers.get('content-length')).toBe('10');
  });

  it('adds no-transform to the Cache-Control of the origin', async () => {
    const blob = await pushBlob();
    expect((await edge.fetch(blob.path)).headers.get('cache-control')).toBe('max-age=31536000, no-transform');
    expect((await edge.fetch('/v2/')).headers.get('cache-control')).toBe('no-transform');
  });

  it('rewrites addresses of the origin, and leaves others unchanged', async () => {
    const origin = inject('originUrl');
    const name = uniqueName();
    const cases = [
      [`${origin}/v2/${name}/blobs/uploads/1?_state=a%2Fb==`, `/v2/${name}/blobs/uploads/1?_state=a%2Fb==`],
      [`/v2/${name}/blobs/uploads/1`, `/v2/${name}/blobs/uploads/1`],
      [`${origin.replace('http:', 'https:')}/v2/a`, '/v2/a'],
      ['/artifacts-uploads/1', `${origin}/artifacts-uploads/1`],
      ['https://elsewhere.test/v2/a', 'https://elsewhere.test/v2/a'],
      ["https://storage.test/a'b?sig=a'%2f b", "https://storage.test/a'b?sig=a'%2f b"],
      ['?next=1', `/v2/${name}/blobs/uploads/?next=1`],
      ['session-1', `/v2/${name}/blobs/uploads/session-1`],
    ];
    for (const [location, expected] of cases) {
      await rig.rule({ prefix: `/v2/${name}/`, status: 202, headers: { location: location ?? '' } });
      const response = await edge.fetch(`/v2/${name}/blobs/uploads/`, { method: 'POST' });
      expect(response.headers.get('location')).toBe(expected);
      await rig.forget(`/v2/${name}/`);
    }
  });

  it('ORIGIN_TIMEOUT ends a read and the opening of an upload, but no upload of content', async () => {
    const impatient = createEdge({ ORIGIN_TIMEOUT: '50ms' });
    const { name, digest } = await pushBlob();
    const uploads = `/v2/${name}/blobs/uploads/`;
    const opened = await impatient.fetch(uploads, { method: 'POST' });
    const session = opened.headers.get('location') ?? '';
    await rig.rule({ prefix: `/v2/${name}/`, delayMs: 200 });
    expect((await impatient.fetch(`/v2/${name}/tags/list`)).status).toBe(502);
    expect((await impatient.fetch(uploads, { method: 'POST' })).status).toBe(502);
    expect((await impatient.fetch(session, { method: 'PATCH', body: 'x' })).status).toBe(202);
    expect((await impatient.fetch(`${session}?digest=${digest}`, { method: 'PUT' })).status).toBe(400);
  });
});
