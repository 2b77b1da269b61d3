import { afterEach, describe, expect, it, vi } from 'vitest';
import { delay } from '../../src/async.ts';
import { endIfStalled } from '../../src/http/body/endIfStalled.ts';
import { exchange, headerTimeout } from '../../src/origin/exchange.ts';
import { contextOf, createClock } from '../support/context.ts';
import { uniqueDigest, uniqueName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { pushBlob, rig } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';

afterEach(() => vi.restoreAllMocks());

const NO_HEADERS = new Headers();

describe('exchange', () => {
  it('bypasses caches and follows no redirect, for every request to the origin and to storage', async () => {
    const blob = await pushBlob();
    const storage = createScriptedServer({ status: 403 });
    await rig.rule({ prefix: blob.path, status: 307, headers: { location: storage.url } });
    const edge = createEdge();
    const fetchSpy = vi.spyOn(globalThis, 'fetch');
    await edge.fetch(blob.path, { method: 'HEAD' });
    await edge.fetch(blob.path);
    await edge.fetch(`/v2/${blob.name}/blobs/uploads/`, { method: 'POST' });
    await edge.fetch(blob.path, { method: 'DELETE' });
    const requests = fetchSpy.mock.calls.map(
      ([, { method, cache, redirect } = {}]) => `${method} ${cache} ${redirect}`,
    );
    // HEAD and GET to the origin and to the redirect's target; GET; POST; the questions before the delete; DELETE.
    expect(requests).toEqual(
      ['HEAD', 'HEAD', 'GET', 'GET', 'GET', 'POST', 'HEAD', 'GET', 'DELETE'].map(
        (method) => `${method} no-store manual`,
      ),
    );
  });

  it('sentAt is the moment at which the request was sent', async () => {
    const clock = createClock();
    const ctx = contextOf(clock);
    const before = clock.now();
    vi.spyOn(globalThis, 'fetch').mockImplementation(async () => {
      clock.advance(1_000);
      return new Response();
    });
    expect((await exchange(ctx, 'https://origin.test/', { method: 'HEAD', headers: NO_HEADERS })).sentAt).toBe(before);
    expect(ctx.events).toEqual([{ kind: 'origin', method: 'HEAD', outcome: 200, ms: 1_000 }]);
  });

  it.each([600, 999])('treats a %i, which cannot be relayed, as no answer', async (status) => {
    const edge = createEdge({ ORIGIN_URL: createScriptedServer({ status }).url });
    for (const method of ['GET', 'HEAD']) {
      expect((await edge.fetch(`/v2/${uniqueName()}/blobs/${uniqueDigest()}`, { method })).status).toBe(502);
    }
  });
});

describe('headerTimeout', () => {
  it('aborts when the time is over, with a TimeoutError', async () => {
    const { signal } = headerTimeout(20);
    await delay(60);
    expect(signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it.each([
    ['stopped', 20],
    ['without a limit', undefined],
  ])('aborts only when it is cancelled if it is %s', async (_what, ms) => {
    const cancelled = new AbortController();
    const limit = headerTimeout(ms, cancelled.signal);
    limit.stop();
    await delay(60);
    expect(limit.signal.aborted).toBe(false);
    cancelled.abort();
    expect(limit.signal.aborted).toBe(true);
  });

  it('lets the body of a blob take longer than ORIGIN_TIMEOUT', async () => {
    const edge = createEdge({
      ORIGIN_TIMEOUT: '100ms',
      ORIGIN_URL: createScriptedServer({ bodyWaitMs: 300, body: 'late' }).url,
    });
    const response = await edge.fetch(`/v2/${uniqueName()}/blobs/${uniqueDigest()}`);
    expect([response.status, await response.text()]).toEqual([200, 'late']);
  });

  it.each<[string, (name: string) => string, Record<string, string>]>([
    ['tags', (name) => `/v2/${name}/tags/list`, {}],
    ['tags that may be stored', (name) => `/v2/${name}/tags/list`, { CLIENT_AUTH: 'anonymous', LIST_TTL: '1m' }],
    ['the catalog', () => '/v2/_catalog', {}],
    ['referrers', (name) => `/v2/${name}/referrers/${uniqueDigest()}`, {}],
    ['a manifest without Docker-Content-Digest', (name) => `/v2/${name}/manifests/latest`, {}],
    ['a manifest with a query', (name) => `/v2/${name}/manifests/latest?ns=elsewhere`, {}],
    ['a manifest in an open mirror', (name) => `/v2/${name}/manifests/latest`, { CLIENT_AUTH: 'anonymous' }],
  ])('ends any other body of which nothing arrives for ORIGIN_TIMEOUT: %s', async (_what, path, variables) => {
    for (const headers of [{}, { 'content-length': '4' }]) {
      const origin = createScriptedServer({ bodyWaitMs: 2_000, headers, body: 'late' });
      const edge = createEdge({ ORIGIN_TIMEOUT: '100ms', ORIGIN_URL: origin.url, ...variables });
      const since = Date.now();
      const { answer } = edge.send(path(uniqueName()));
      const text = await answer.then((response) => (response.ok ? response.text() : 'refused')).catch(() => 'cut off');
      expect(['refused', 'cut off']).toContain(text);
      expect(Date.now() - since).toBeLessThan(1_500);
      await expect.poll(async () => (await origin.calls()).map(({ outcome }) => outcome)).toEqual(['left']);
    }
  });

  it('lets a list take longer in all, as long as parts of it arrive', async () => {
    const { readable, writable } = new IdentityTransformStream();
    const writer = writable.getWriter();
    const response = endIfStalled(new Response(readable), 200);
    const text = response.text();
    for (const piece of 'slowly') {
      await delay(80);
      await writer.write(new TextEncoder().encode(piece));
    }
    await writer.close();
    expect(await text).toBe('slowly');
  });
});

describe('when the client leaves', () => {
  const name = uniqueName();
  const blob = `/v2/${name}/blobs/${uniqueDigest()}`;

  it.each([
    ['GET', `/v2/${name}/tags/list`, 'left'],
    ['GET', blob, 'left'],
    ['PUT', `/v2/${name}/manifests/latest`, 'left'],
    // Other requests may wait for a HEAD, and a DELETE must not end half-way.
    ['HEAD', blob, 'answered'],
    ['DELETE', blob, 'answered'],
  ])('in the middle of %s %s, its request at the origin ends as: %s', async (method, path, outcome) => {
    // Long enough for the client to leave in the middle.
    const waitMs = outcome === 'left' ? 3_000 : 300;
    const origin = createScriptedServer({ waitMs, headers: { 'content-length': '4' }, body: 'text' });
    const client = new AbortController();
    const { answer } = createEdge({ ORIGIN_URL: origin.url }).send(path, { method, signal: client.signal });
    answer.catch(() => undefined);
    await expect.poll(async () => (await origin.calls()).length).toBe(1);
    client.abort();
    const outcomes = async () => (await origin.calls()).map((call) => `${call.method} ${call.outcome}`);
    const expected = method === 'DELETE' ? ['HEAD answered', 'DELETE answered'] : [`${method} ${outcome}`];
    await expect.poll(outcomes, { timeout: 2_000 }).toEqual(expected);
  });
});
