import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../../src/oci/name.ts';
import type { Upstream } from '../../../src/upstream/upstream.ts';
import { contextOf, createClock } from '../../support/context.ts';
import { entryFor, uniqueDigest, uniqueName } from '../../support/digests.ts';
import { createEdge, type Edge } from '../../support/edge.ts';
import { OPEN } from '../../support/failingEdge.ts';
import { metricsObject } from '../../support/metrics.ts';
import { ADMIN_TOKEN, OPERATOR } from '../../support/purge.ts';
import { pushBlob } from '../../support/push.ts';

const HEAD = { method: 'HEAD' };
const MINUTE_MS = 60_000;
const ORIGIN = 'https://edge.test';
const PAGE = '/_edge/';
const FROM_PAGE = { 'sec-fetch-site': 'same-origin' };

/** Sends the form of the login. */
function logIn(edge: Edge, token: string, headers: Record<string, string> = FROM_PAGE): Promise<Response> {
  const body = new URLSearchParams({ token });
  return edge.fetch('/_edge/login', { method: 'POST', body, headers, redirect: 'manual' });
}

/** Logs in, and opens the page. @returns the cookie, the page, and the token that it sends with its requests */
async function open(edge: Edge) {
  const setCookie = (await logIn(edge, ADMIN_TOKEN)).headers.get('set-cookie') ?? '';
  const cookie = setCookie.slice(0, setCookie.indexOf(';'));
  const answer = await edge.fetch(PAGE, { headers: { cookie } });
  const text = await answer.text();
  const requestToken = /data-request-token="([^"]+)"/.exec(text)?.[1] ?? '';
  return { setCookie, cookie, answer, text, requestToken };
}

const createOperated = (variables: Record<string, string> = {}) => createEdge({ ADMIN_TOKEN, ...OPEN, ...variables });

describe('the page', () => {
  it.each([PAGE, '/_edge', '/_edge/login', '/_edge/logout', '/_edge/known/team/app'])(
    'is not there without ADMIN_TOKEN: %s',
    async (path) => {
      const edge = createEdge(OPEN);
      for (const method of ['GET', 'POST']) {
        expect((await edge.fetch(path, { method, redirect: 'manual' })).status).toBe(404);
      }
    },
  );

  it('shows a stranger a login, and no name, no figure and nothing to fetch', async () => {
    const edge = createOperated();
    await edge.fetch((await pushBlob()).path, HEAD);
    const answer = await edge.fetch(PAGE);
    const text = await answer.text();
    expect(answer.status).toBe(200);
    expect(text).toContain('<form method="post" action="/_edge/login">');
    expect(text).not.toMatch(/registry|sample|<script|\bsrc=|upstream|\d\.\d\.\d/);
    expect([...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual(['data:,']);
    const head = await edge.fetch(PAGE, HEAD);
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('lets nothing run or load but what its answer has', async () => {
    for (const answer of [await createOperated().fetch(PAGE), (await open(createOperated())).answer]) {
      const policy = answer.headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'none'; script-src 'nonce-[-0-9a-f]{36}'; style-src 'nonce-[-0-9a-f]{36}';/);
      expect(policy).toContain("frame-ancestors 'none'; base-uri 'none'");
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('is opened by the ADMIN_TOKEN, whose session is a cookie for 15 minutes that only this page sends', async () => {
    const edge = createOperated();
    const { setCookie, text } = await open(edge);
    expect(setCookie).toMatch(/^registry-edge=[^;]+; Max-Age=900; Path=\/_edge; HttpOnly; Secure; SameSite=Strict$/);
    expect(text).toContain('What is known');
  });

  it('has a cookie without Secure only where there is no TLS', async () => {
    const body = new URLSearchParams({ token: ADMIN_TOKEN });
    const url = 'http://127.0.0.1:8787/_edge/login';
    const answer = await createOperated().fetch(url, { method: 'POST', body, headers: FROM_PAGE, redirect: 'manual' });
    expect(answer.status).toBe(303);
    expect(answer.headers.get('set-cookie')).not.toContain('Secure');
  });

  it.each(['', 'wrong', `${ADMIN_TOKEN} `, ADMIN_TOKEN.slice(0, -1)])(
    'is not opened by another token: %j',
    async (token) => {
      const answer = await logIn(createOperated(), token);
      expect([answer.status, answer.headers.get('set-cookie')]).toEqual([401, null]);
      expect(await answer.text()).toContain('This is not the token.');
    },
  );

  it('is not opened by the METRICS_TOKEN', async () => {
    const METRICS_TOKEN = 'prometheus-knows-this';
    expect((await logIn(createOperated({ METRICS_TOKEN }), METRICS_TOKEN)).status).toBe(401);
  });

  it('refuses unseen what follows 30 wrong tokens of an address, for a minute', async () => {
    const edge = createOperated();
    const from = { ...FROM_PAGE, 'cf-connecting-ip': '192.0.2.1' };
    for (let time = 0; time < 30; time++) await logIn(edge, 'wrong', from);
    expect((await logIn(edge, ADMIN_TOKEN, from)).status).toBe(401);
    expect((await logIn(edge, ADMIN_TOKEN, { ...from, 'cf-connecting-ip': '192.0.2.2' })).status).toBe(303);
    edge.clock.advance(MINUTE_MS);
    expect((await logIn(edge, ADMIN_TOKEN, from)).status).toBe(303);
  });

  it.each<[string, Record<string, string>]>([
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another host of the same site', { 'sec-fetch-site': 'same-site' }],
    ['another site, by an old browser', { origin: 'https://evil.example.com' }],
    ['nobody knows who', {}],
  ])('takes no login from %s', async (_who, headers) => {
    expect((await logIn(createOperated(), ADMIN_TOKEN, headers)).status).toBe(400);
  });

  it('takes a login from an old browser that names its own origin', async () => {
    expect((await logIn(createOperated(), ADMIN_TOKEN, { origin: ORIGIN })).status).toBe(303);
  });

  it('logs out by forgetting the cookie', async () => {
    const answer = await createOperated().fetch('/_edge/logout', {
      method: 'POST',
      headers: FROM_PAGE,
      redirect: 'manual',
    });
    expect(answer.headers.get('set-cookie')).toMatch(/^registry-edge=; Max-Age=0; Path=\/_edge;/);
  });

  it('shows what both isolates have counted', async () => {
    const [clock, metrics] = [createClock(Date.now()), metricsObject()];
    const [one, other] = [0, 1].map(() => createEdge({ ADMIN_TOKEN, ...OPEN }, { clock, metrics }));
    const blob = await pushBlob();
    for (const edge of [one, other, one, other]) {
      clock.advance(1_000);
      await edge?.fetch(blob.path, HEAD);
    }
    clock.advance(1_000);
    const { text } = await open(other as Edge);
    expect(text).toContain(`<th scope="row">${blob.name}</th><td>4</td>`);
    expect(text).toContain('<dt>Hit ratio</dt><dd>75.0 %</dd>');
    expect(text).toContain('<dt>Origin requests saved</dt><dd>3</dd>');
  });

  it('says that nothing is counted where METRICS is not bound', async () => {
    const { text } = await open(createEdge({ ADMIN_TOKEN, ...OPEN }, { metrics: undefined }));
    expect(text).toContain('Nothing is counted');
  });
});

describe('the session of the page', () => {
  const known = (edge: Edge, headers: Record<string, string>) => edge.fetch('/_edge/known/team/app', { headers });

  it('opens the paths for operators with its request token', async () => {
    const edge = createOperated();
    const { cookie, requestToken } = await open(edge);
    const headers = { ...FROM_PAGE, cookie, 'x-request-token': requestToken };
    expect((await known(edge, headers)).status).toBe(200);
    const purge = await edge.fetch('/_edge/cache/team/app', { method: 'DELETE', headers });
    expect(purge.status).toBe(200);
  });

  it.each<[string, (of: { cookie: string; requestToken: string }) => Record<string, string>]>([
    ['its cookie alone', ({ cookie }) => ({ ...FROM_PAGE, cookie })],
    ['its request token alone', ({ requestToken }) => ({ ...FROM_PAGE, 'x-request-token': requestToken })],
    ['its cookie in both places', ({ cookie }) => ({ ...FROM_PAGE, cookie, 'x-request-token': cookie })],
    [
      'its request token in both places',
      ({ requestToken: text }) => ({ ...FROM_PAGE, cookie: text, 'x-request-token': text }),
    ],
    [
      'what another site sends',
      ({ cookie, requestToken }) => ({ cookie, 'x-request-token': requestToken, 'sec-fetch-site': 'cross-site' }),
    ],
    ['what comes from nowhere', ({ cookie, requestToken }) => ({ cookie, 'x-request-token': requestToken })],
    [
      'a cookie with another end',
      ({ cookie, requestToken }) => ({
        ...FROM_PAGE,
        cookie: cookie.replace('=1', '=2'),
        'x-request-token': requestToken,
      }),
    ],
  ])('is not opened by %s', async (_what, headersOf) => {
    const edge = createOperated();
    const headers = headersOf(await open(edge));
    expect((await known(edge, headers)).status).toBe(401);
    const purge = await edge.fetch('/_edge/cache/team/app', { method: 'DELETE', headers });
    expect(purge.status).toBe(401);
  });

  it('is not opened by the request token of another session', async () => {
    const edge = createOperated();
    const [one, other] = [await open(edge), await open(edge)];
    const headers = { ...FROM_PAGE, cookie: one.cookie, 'x-request-token': other.requestToken };
    expect((await known(edge, headers)).status).toBe(401);
  });

  it('ends after 15 minutes, however often it is used', async () => {
    const edge = createOperated();
    const { cookie, requestToken } = await open(edge);
    const headers = { ...FROM_PAGE, cookie, 'x-request-token': requestToken };
    for (let minute = 1; minute < 15; minute++) {
      edge.clock.advance(MINUTE_MS);
      expect((await known(edge, headers)).status).toBe(200);
      expect(await (await edge.fetch(PAGE, { headers })).text()).toContain('What is known');
    }
    edge.clock.advance(MINUTE_MS);
    expect((await known(edge, headers)).status).toBe(401);
    expect(await (await edge.fetch(PAGE, { headers })).text()).toContain('<h1>Log in</h1>');
  });

  it('ends when the ADMIN_TOKEN changes', async () => {
    const { cookie, requestToken } = await open(createOperated());
    const edge = createOperated({ ADMIN_TOKEN: `${ADMIN_TOKEN}-another` });
    expect((await known(edge, { ...FROM_PAGE, cookie, 'x-request-token': requestToken })).status).toBe(401);
    expect(await (await edge.fetch(PAGE, { headers: { cookie } })).text()).toContain('<h1>Log in</h1>');
  });

  it('is none for registry paths', async () => {
    const edge = createEdge({ ADMIN_TOKEN });
    const { cookie } = await open(edge);
    const blob = await pushBlob();
    for (let time = 0; time < 2; time++) {
      const answer = await edge.fetch(blob.path, { ...HEAD, headers: { cookie } });
      expect(answer.headers.get('cache-status')).toContain('detail=identity');
    }
  });
});

describe('/_edge/known', () => {
  it('shows what is known of a repository and of a digest, since when, where, and until when', async () => {
    const edge = createOperated({ DESCRIPTOR_TTL: '1h' });
    const [blob, other] = [await pushBlob(), await pushBlob()];
    for (const { path } of [blob, other]) await edge.fetch(path, HEAD);
    const at = edge.clock.now();
    const entry = {
      ...{ digest: blob.digest, links: 'blobs', size: blob.bytes.length, mediaType: 'application/octet-stream' },
      ...{ verifiedAt: at, tiers: ['store', 'memory'], until: { pull: at + 60 * MINUTE_MS } },
    };
    const whole = await edge.fetch(`/_edge/known/${blob.name}`, { headers: OPERATOR });
    expect(await whole.json()).toEqual({ repository: blob.name, known: [entry], more: false });
    const single = await edge.fetch(`/_edge/known/${blob.name}@${blob.digest}`, { headers: OPERATOR });
    expect(await single.json()).toEqual({ repository: blob.name, digest: blob.digest, known: [entry], more: false });
    const absent = await edge.fetch(`/_edge/known/${blob.name}@${other.digest}`, { headers: OPERATOR });
    expect(await absent.json()).toMatchObject({ known: [] });
  });

  it('shows nothing of what was cleared', async () => {
    const edge = createOperated();
    const blob = await pushBlob();
    await edge.fetch(blob.path, HEAD);
    await edge.fetch(`/_edge/cache/${blob.name}`, { headers: OPERATOR, method: 'DELETE' });
    expect(await (await edge.fetch(`/_edge/known/${blob.name}`, { headers: OPERATOR })).json()).toMatchObject({
      known: [],
    });
  });

  it.each([
    [60, 10, false],
    [210, 0, true],
  ])('goes on behind pages of which nothing counts, but not without an end: %i in KV', async (all, shown, more) => {
    const made: Upstream[] = [];
    const upstream = (one: Upstream) => {
      made.push(one);
      return one;
    };
    const edge = createEdge({ ADMIN_TOKEN, BLOBDESCRIPTOR: 'kv' }, { upstream });
    const [ctx, name] = [contextOf(edge.clock), parseRepositoryName(uniqueName())];
    const store = made[0]?.shared.repositoryScoped(name, 'blobs');
    const digests = Array.from({ length: all }, () => uniqueDigest()).sort();
    for (const digest of digests) await store?.setDescriptor(ctx, digest, entryFor(digest, edge.clock.now()));
    await store?.clearEach(ctx, digests.slice(0, all - 10));
    const answer = await edge.fetch(`/_edge/known/${name}`, { headers: OPERATOR });
    const { known, more: isMore } = (await answer.json()) as { known: unknown[]; more: boolean };
    expect([known.length, isMore]).toEqual([shown, more]);
  });

  it.each([
    ['/_edge/known/Team/App', 400],
    ['/_edge/known/team/app@sha256:1', 400],
    ['/_edge/known/team/app?cursor=1', 400],
    ['/_edge/known/team/app?upstream=hub', 400],
  ])('refuses %s', async (path, status) => {
    expect((await createOperated().fetch(path, { headers: OPERATOR })).status).toBe(status);
  });
});
