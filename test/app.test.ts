import { exports } from 'cloudflare:workers';
import { describe, expect, it } from 'vitest';
import { createEdge } from './support/edge.ts';
import { pushBlob, rig } from './support/push.ts';

describe('createApp', () => {
  it.each([
    '/',
    '/v1/_ping',
    '/v20',
    '/v2x/a',
    '/_edge/cache',
    '//v2/a/tags/list',
    '/%76%322/',
    '/v2%2Fa/tags/list',
    '/healthz',
  ])('answers the unknown path %s with 404 in OCI JSON', async (path) => {
    const response = await createEdge().fetch(path);
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/json']);
    expect(await response.json()).toMatchObject({ errors: [{ code: 'NAME_UNKNOWN' }] });
    expect(response.headers.get('docker-distribution-api-version')).toBe('registry/2.0');
    if (path !== '/') expect(await rig.requests(path)).toEqual([]);
  });

  it.each([
    ['GET', '/v2/UPPER/blobs/latest', 'NAME_INVALID'],
    ['GET', '/v2/a/blobs/sha256:short', 'DIGEST_INVALID'],
    ['PUT', '/v2/a/manifests/.x', 'TAG_INVALID'],
  ])('answers %s %s with 400 %s, without the origin', async (method, path, code) => {
    const response = await createEdge().fetch(path, { method });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ code, detail: expect.anything() }] });
    expect(await rig.requests(path)).toEqual([]);
  });

  it('passes every event to the sink, also the end of a write-back after the reply', async () => {
    const blob = await pushBlob();
    const kinds: string[] = [];
    const edge = createEdge(
      {},
      { sink: (event) => kinds.push('outcome' in event ? `${event.kind} ${event.outcome}` : event.kind) },
    );
    const { answer, over } = edge.send(blob.path, { method: 'HEAD' });
    await answer;
    expect(kinds).toContain('write-back begun');
    expect(kinds).not.toContain('write-back done');
    await over;
    expect(kinds).toContain('write-back done');
  });

  it('answers a HEAD with an error without a body', async () => {
    for (const path of ['/nowhere', '/v2/a/blobs/sha256:short']) {
      const response = await createEdge().fetch(path, { method: 'HEAD' });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(await response.text()).toBe('');
    }
  });

  it('answers an unexpected error with 500 UNKNOWN, and logs its stack but not its message', async () => {
    const blob = await pushBlob();
    const edge = createEdge(
      {},
      {
        upstream: (made) => ({
          ...made,
          origin: {
            ...made.origin,
            getBlob: () => Promise.reject(new TypeError('cannot reach https://signed.test/?sig=secret')),
          },
        }),
      },
    );
    const response = await edge.fetch(blob.path);
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({ errors: [{ code: 'UNKNOWN', message: 'the edge failed to answer' }] });
    const line = edge.log.find((entry) => entry.includes('unexpected error')) ?? '';
    expect(line).toContain('TypeError');
    expect(line).toContain('at ');
    expect(edge.log.join('\n')).not.toContain('secret');
  });

  it('logs each request with its method, path without query, status and cache status', async () => {
    const blob = await pushBlob();
    const edge = createEdge();
    await edge.fetch(`${blob.path}?token=secret`);
    const line = JSON.parse(edge.log.findLast((entry) => entry.includes('"request"')) ?? '{}');
    expect(line).toEqual({
      level: 'info',
      message: 'request',
      method: 'GET',
      path: blob.path,
      status: 200,
      cache: 'registry-edge; fwd=bypass',
      ms: 0,
      originMs: 0,
    });
    expect(edge.log.join('\n')).not.toContain('secret');
  });
});

describe('the Worker', () => {
  it('takes its configuration from the environment', async () => {
    const blob = await pushBlob();
    const url = `https://edge.test${blob.path}`;
    const cold = await exports.default.fetch(new Request(url, { method: 'HEAD' }));
    expect([cold.status, cold.headers.get('cache-status')]).toEqual([
      200,
      'registry-edge; fwd=miss; stored; detail=unproven',
    ]);
    await expect
      .poll(async () => (await exports.default.fetch(new Request(url, { method: 'HEAD' }))).headers.get('cache-status'))
      .toBe('registry-edge; hit; detail=durable');
  });
});
