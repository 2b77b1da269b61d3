import { describe, expect, inject, it } from 'vitest';
import { isSchemeRedirect, rewriteLocation } from '../../src/http/location.ts';
import { parseRoute, splitUrl } from '../../src/oci/route.ts';
import { uniqueDigest, uniqueName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { createScriptedServer } from '../support/scripted.ts';

const REQUEST_URL = 'https://edge.test/v2/a/blobs/uploads/';
const ROOT = new URL('http://origin.test');
const WITH_BASE = new URL('http://origin.test/base');
const WITH_SLASH = new URL('http://origin.test/base/');

const HEX = '0123456789abcdef'.repeat(4);
const rewrite = (origin: URL, headers: Record<string, string>, status = 202) =>
  rewriteLocation(splitUrl(REQUEST_URL), origin, { status, headers: new Headers(headers) });

describe('rewriteLocation: Location', () => {
  it.each<[string, URL, string, string]>([
    ['absolute', WITH_BASE, 'http://origin.test/base/v2/a?x=%2F', '/v2/a?x=%2F'],
    ['absolute, base with a slash', WITH_SLASH, 'http://origin.test/base/v2/a', '/v2/a'],
    ['absolute, with https', WITH_BASE, 'https://origin.test/base/v2/a', '/v2/a'],
    ['absolute, with http from https', new URL('https://origin.test'), 'http://origin.test/v2/a', '/v2/a'],
    ['absolute, in upper case', ROOT, 'HTTP://ORIGIN.Test/v2/a', '/v2/a'],
    ['absolute, with the default port of its scheme', ROOT, 'http://origin.test:80/v2/a', '/v2/a'],
    ['absolute, with the default port of the other scheme', ROOT, 'https://origin.test:443/v2/a', '/v2/a'],
    ['absolute, with a port', new URL('http://origin.test:5000'), 'https://origin.test:5000/v2/a', '/v2/a'],
    ['without a scheme', ROOT, '//origin.test/v2/a', '/v2/a'],
    ['from the root', WITH_BASE, '/base/v2/a', '/v2/a'],
    ['relative', WITH_BASE, 'session?x=1', '/v2/a/blobs/uploads/session?x=1'],
    ['relative, upwards', WITH_BASE, '../x', 'http://origin.test/base/v2/a/blobs/x'],
    ['a query only', WITH_BASE, '?x=1', '/v2/a/blobs/uploads/?x=1'],
    ['outside of the base', WITH_BASE, '/v2/a', 'http://origin.test/v2/a'],
    ['below a path of which the base is only a prefix', WITH_BASE, '/base2/v2/a', 'http://origin.test/base2/v2/a'],
    ['outside of /v2/', WITH_BASE, '/base/uploads/1', 'http://origin.test/base/uploads/1'],
    ['of which /v2 is only a prefix', ROOT, '/v2x/a', 'http://origin.test/v2x/a'],
    ['on another port', ROOT, 'http://origin.test:81/v2/a', 'http://origin.test:81/v2/a'],
    ['on another host', ROOT, 'http://storage.test/v2/a', 'http://storage.test/v2/a'],
    ['on another host, without a scheme', ROOT, '//storage.test/v2/a?s=1', 'http://storage.test/v2/a?s=1'],
    ['on another host, signed', ROOT, "https://storage.test/a'b?s=a'%2f b", "https://storage.test/a'b?s=a'%2f b"],
    ['no valid URL', ROOT, 'http://', 'http://'],
    ['without a base', ROOT, 'http://origin.test/v2/a', '/v2/a'],
  ])('%s', (_what, origin, location, expected) => {
    expect(rewrite(origin, { location })).toEqual({ location: expected });
  });

  // What the origin reads as one segment the edge serves as one, or it sends the client to the origin.
  it.each([
    ['x%2Fy?_state=a==', true],
    ['x%2Fy%2f', true],
    ['a|b?p=|', true],
    ['0b1c-22/', true],
    ['0b1c-22/?_state=a', true],
    ['A%3D%3D', true],
    ["~a!$&'()*+,;=:@[1]", true],
    ['%C3%A4%20x', true],
    ['{x}', true],
    ['a%252Fb', false],
    ['a%5Cb', false],
    ['x%2Fmanifests%2Flatest', false],
    ['x//', false],
    ['..;x', false],
  ])('an upload session %s stays on the edge, which accepts it: %s', (session, isServed) => {
    const path = `/v2/a/b/blobs/uploads/${session}`;
    const { location = '' } = rewrite(ROOT, { location: `http://origin.test${path}` });
    expect(location.startsWith('/')).toBe(isServed);
    const { pathname, search } = new URL(path, 'http://x');
    if (isServed)
      expect(parseRoute(splitUrl(`https://edge.test${location}`))).toEqual({
        kind: 'upload',
        name: 'a/b',
        path: pathname,
        search,
      });
    else expect(location).toBe(`http://origin.test${path}`);
  });
});

describe('isSchemeRedirect', () => {
  const redirect = (location: string, origin = ROOT, requestUrl = REQUEST_URL, status = 301) => {
    const answer = { status, headers: new Headers({ location }) };
    return {
      isSchemeRedirect: isSchemeRedirect(splitUrl(requestUrl), origin, answer),
      location: rewriteLocation(splitUrl(requestUrl), origin, answer).location,
    };
  };

  it.each([
    ['https://origin.test/v2/a/blobs/uploads/', ROOT, REQUEST_URL],
    ['https://ORIGIN.test:443/v2/a/blobs/uploads/', ROOT, REQUEST_URL],
    ['//origin.test/v2/a/blobs/uploads/', new URL('https://origin.test'), `${REQUEST_URL}#`],
    ['http://origin.test/v2/a/blobs/uploads/', new URL('https://origin.test'), REQUEST_URL],
    ['https://origin.test/base/v2/a/blobs/uploads/', WITH_SLASH, REQUEST_URL],
    ['https://origin.test/v2/a/tags/list?n=1', ROOT, 'https://edge.test/v2/a/tags/list?n=1'],
  ])('a redirect to %s leaves the edge if only the scheme differs from the request', (location, origin, requestUrl) => {
    const differs = !location.startsWith('//');
    expect(redirect(location, origin, requestUrl).isSchemeRedirect).toBe(differs);
    expect(redirect(location, origin, requestUrl).location).toBe(differs ? undefined : '/v2/a/blobs/uploads/');
  });

  it.each([
    ['https://origin.test/v2/a/blobs/uploads/x', 301, '/v2/a/blobs/uploads/x'],
    ['https://origin.test/v2/a/blobs/uploads/?n=1', 307, '/v2/a/blobs/uploads/?n=1'],
    ['http://origin.test/v2/a/blobs/uploads/', 301, '/v2/a/blobs/uploads/'],
    ['https://origin.test/v2/a/blobs/uploads/', 202, '/v2/a/blobs/uploads/'],
  ])('a redirect to %s with status %i stays on the edge', (location, status, expected) => {
    expect(redirect(location, ROOT, REQUEST_URL, status)).toEqual({ isSchemeRedirect: false, location: expected });
  });

  it('a redirect to https is relayed, and the warning for the operator holds no query', async () => {
    const name = uniqueName();
    const location = `${inject('originUrl').replace('http:', 'https:')}/v2/${name}/tags/list?n=secret`;
    await rig.rule({ prefix: `/v2/${name}/`, status: 308, headers: { location } });
    const edge = createEdge();
    const response = await edge.fetch(`/v2/${name}/tags/list?n=secret`);
    expect([response.status, response.headers.get('location')]).toEqual([308, location]);
    const warnings = edge.log.filter((line) => line.includes('"warn"'));
    expect(warnings).toEqual([expect.stringContaining('set ORIGIN_URL')]);
    expect(warnings.join()).not.toContain('secret');
  });
});

describe('rewriteLocation: Link', () => {
  it.each<[string, URL, string, string]>([
    ['absolute', ROOT, '<http://origin.test/v2/_catalog?n=1>; rel="next"', '</v2/_catalog?n=1>; rel="next"'],
    ['without a scheme', ROOT, '<//origin.test/v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['in upper case', ROOT, '<HTTPS://Origin.TEST:443/v2/a/tags/list>;rel=next', '</v2/a/tags/list>;rel=next'],
    ['with the port', ROOT, '<http://origin.test:80/v2/a/tags/list>', '</v2/a/tags/list>'],
    ['relative', ROOT, '<?n=1&last=x>; rel="next"', '</v2/a/blobs/uploads/?n=1&last=x>; rel="next"'],
    [
      'absolute, below the base',
      WITH_BASE,
      '<http://origin.test/base/v2/a/tags/list>; rel="next"',
      '</v2/a/tags/list>; rel="next"',
    ],
    [
      'from the root, below the base',
      WITH_SLASH,
      '</base/v2/a/tags/list>; rel="next"',
      '</v2/a/tags/list>; rel="next"',
    ],
    ['from the root', ROOT, '</v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['to referrers', ROOT, `</v2/a/referrers/sha256%3A${HEX}>`, `</v2/a/referrers/sha256%3A${HEX}>`],
    [
      'several',
      WITH_BASE,
      '<http://origin.test/base/v2/a>; rel="next", </base/v2/b>; rel="prev", <//origin.test/base/v2/c>; rel="last", </base/v2/d>',
      '</v2/a>; rel="next", </v2/b>; rel="prev", </v2/c>; rel="last", </v2/d>',
    ],
    ['absolute, with https', ROOT, '<https://origin.test/v2/a>; rel="next"', '</v2/a>; rel="next"'],
    [
      'to another host',
      WITH_BASE,
      '<https://docs.test/base/v2/a>; rel="help"',
      '<https://docs.test/base/v2/a>; rel="help"',
    ],
    ['outside of the registry', ROOT, '</docs>; rel="help"', '<http://origin.test/docs>; rel="help"'],
    ['no valid URL', ROOT, '<http://>; rel="x"', '<http://>; rel="x"'],
  ])('%s', (_what, origin, link, expected) => {
    expect(rewrite(origin, { link })).toEqual({ link: expected });
  });

  it('nothing is rewritten where the origin sends neither Location nor Link', () => {
    expect(rewrite(ROOT, {})).toEqual({});
  });
});

describe('an origin with a base path', () => {
  it.each(['', '/'])(
    'gets requests below its base, which clients never see: ORIGIN_URL ends with "%s"',
    async (end) => {
      const name = uniqueName();
      const origin = createScriptedServer({
        headers: {
          location: '{base}/v2/x/blobs/uploads/1?_state=a',
          link: '<{base}/v2/_catalog?last=x>; rel="next"',
          'content-length': '3',
        },
        body: 'abc',
      });
      const edge = createEdge({ ORIGIN_URL: origin.url + end });
      const blob = `/v2/${name}/blobs/${uniqueDigest()}`;
      expect((await edge.fetch(blob, { method: 'HEAD' })).status).toBe(200);
      const { headers } = await edge.fetch(`/v2/${name}/tags/list?n=1`);
      expect(headers.get('location')).toBe('/v2/x/blobs/uploads/1?_state=a');
      expect(headers.get('link')).toBe('</v2/_catalog?last=x>; rel="next"');
      expect((await edge.fetch('/v2/')).status).toBe(200);
      const calls = (await origin.calls()).map(({ method, path }) => `${method} ${path}`);
      expect(calls).toEqual([`HEAD ${blob}`, `GET /v2/${name}/tags/list?n=1`, 'GET /v2/']);
    },
  );
});
