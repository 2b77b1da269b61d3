import { describe, expect, inject, it } from 'vitest';
import { isSchemeRedirect, rewriteLocation } from '../../src/http/location.ts';
import { parseRoute, splitUrl } from '../../src/oci/route.ts';
import { someDigest, someName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { rig } from '../support/push.ts';
import { scripted } from '../support/scripted.ts';

const ASKED = 'https://edge.test/v2/a/blobs/uploads/';
const ROOT = new URL('http://origin.test');
const BASED = new URL('http://origin.test/base');
const SLASHED = new URL('http://origin.test/base/');

const HEX = '0123456789abcdef'.repeat(4);
const onEdge = (origin: URL, headers: Record<string, string>, status = 202) =>
  rewriteLocation(ASKED, origin, { status, headers: new Headers(headers) });

describe('onTheEdge: Location', () => {
  it.each<[string, URL, string, string]>([
    ['absolute', BASED, 'http://origin.test/base/v2/a?x=%2F', '/v2/a?x=%2F'],
    ['absolute, base with a slash', SLASHED, 'http://origin.test/base/v2/a', '/v2/a'],
    ['absolute, with https', BASED, 'https://origin.test/base/v2/a', '/v2/a'],
    ['absolute, with http from https', new URL('https://origin.test'), 'http://origin.test/v2/a', '/v2/a'],
    ['absolute, in upper case', ROOT, 'HTTP://ORIGIN.Test/v2/a', '/v2/a'],
    ['absolute, with the port of its scheme', ROOT, 'http://origin.test:80/v2/a', '/v2/a'],
    ['absolute, with the port of the other scheme', ROOT, 'https://origin.test:443/v2/a', '/v2/a'],
    ['absolute, with a port', new URL('http://origin.test:5000'), 'https://origin.test:5000/v2/a', '/v2/a'],
    ['without a scheme', ROOT, '//origin.test/v2/a', '/v2/a'],
    ['from the root', BASED, '/base/v2/a', '/v2/a'],
    ['relative', BASED, 'session?x=1', '/v2/a/blobs/uploads/session?x=1'],
    ['relative, upwards', BASED, '../x', 'http://origin.test/base/v2/a/blobs/x'],
    ['a query alone', BASED, '?x=1', '/v2/a/blobs/uploads/?x=1'],
    ['outside of the base', BASED, '/v2/a', 'http://origin.test/v2/a'],
    ['below a base that only begins the same', BASED, '/base2/v2/a', 'http://origin.test/base2/v2/a'],
    ['outside of /v2/', BASED, '/base/uploads/1', 'http://origin.test/base/uploads/1'],
    ['of /v2/ by its beginning only', ROOT, '/v2x/a', 'http://origin.test/v2x/a'],
    ['of another port', ROOT, 'http://origin.test:81/v2/a', 'http://origin.test:81/v2/a'],
    ['of another host', ROOT, 'http://storage.test/v2/a', 'http://storage.test/v2/a'],
    ['of another host, without a scheme', ROOT, '//storage.test/v2/a?s=1', 'http://storage.test/v2/a?s=1'],
    ['of another host, signed', ROOT, "https://storage.test/a'b?s=a'%2f b", "https://storage.test/a'b?s=a'%2f b"],
    ['that is none', ROOT, 'http://', 'http://'],
    ['without a base', ROOT, 'http://origin.test/v2/a', '/v2/a'],
  ])('%s', (_what, origin, location, expected) => {
    expect(onEdge(origin, { location })).toEqual({ location: expected });
  });

  // What one segment is to the origin is one to the edge, or stays with the origin.
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
  ])('an upload’s session %s is %s to be served by the edge, which then takes it', (session, isServed) => {
    const path = `/v2/a/b/blobs/uploads/${session}`;
    const { location = '' } = onEdge(ROOT, { location: `http://origin.test${path}` });
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

describe('onTheEdge: a redirect of the origin', () => {
  const upgrade = (location: string, origin = ROOT, asked = ASKED, status = 301) => {
    const answer = { status, headers: new Headers({ location }) };
    return {
      isUpgrade: isSchemeRedirect(asked, origin, answer),
      location: rewriteLocation(asked, origin, answer).location,
    };
  };

  it.each([
    ['https://origin.test/v2/a/blobs/uploads/', ROOT, ASKED],
    ['https://ORIGIN.test:443/v2/a/blobs/uploads/', ROOT, ASKED],
    ['//origin.test/v2/a/blobs/uploads/', new URL('https://origin.test'), `${ASKED}#`],
    ['http://origin.test/v2/a/blobs/uploads/', new URL('https://origin.test'), ASKED],
    ['https://origin.test/base/v2/a/blobs/uploads/', SLASHED, ASKED],
    ['https://origin.test/v2/a/tags/list?n=1', ROOT, 'https://edge.test/v2/a/tags/list?n=1'],
  ])('to %s leaves the edge where it would be the address that was asked for', (location, origin, asked) => {
    const isOther = !location.startsWith('//');
    expect(upgrade(location, origin, asked).isUpgrade).toBe(isOther);
    expect(upgrade(location, origin, asked).location).toBe(isOther ? undefined : '/v2/a/blobs/uploads/');
  });

  it.each([
    ['https://origin.test/v2/a/blobs/uploads/x', 301, '/v2/a/blobs/uploads/x'],
    ['https://origin.test/v2/a/blobs/uploads/?n=1', 307, '/v2/a/blobs/uploads/?n=1'],
    ['http://origin.test/v2/a/blobs/uploads/', 301, '/v2/a/blobs/uploads/'],
    ['https://origin.test/v2/a/blobs/uploads/', 202, '/v2/a/blobs/uploads/'],
  ])('to %s stays on the edge: %i', (location, status, expected) => {
    expect(upgrade(location, ROOT, ASKED, status)).toEqual({ isUpgrade: false, location: expected });
  });

  it('to its own https is handed on and told to the operator, and nothing secret with it', async () => {
    const name = someName();
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

describe('onTheEdge: Link', () => {
  it.each<[string, URL, string, string]>([
    ['absolute', ROOT, '<http://origin.test/v2/_catalog?n=1>; rel="next"', '</v2/_catalog?n=1>; rel="next"'],
    ['without a scheme', ROOT, '<//origin.test/v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['in upper case', ROOT, '<HTTPS://Origin.TEST:443/v2/a/tags/list>;rel=next', '</v2/a/tags/list>;rel=next'],
    ['with the port', ROOT, '<http://origin.test:80/v2/a/tags/list>', '</v2/a/tags/list>'],
    ['relative', ROOT, '<?n=1&last=x>; rel="next"', '</v2/a/blobs/uploads/?n=1&last=x>; rel="next"'],
    [
      'absolute, below the base',
      BASED,
      '<http://origin.test/base/v2/a/tags/list>; rel="next"',
      '</v2/a/tags/list>; rel="next"',
    ],
    ['from the root, below the base', SLASHED, '</base/v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['from the root', ROOT, '</v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['of a referrer', ROOT, `</v2/a/referrers/sha256%3A${HEX}>`, `</v2/a/referrers/sha256%3A${HEX}>`],
    [
      'several',
      BASED,
      '<http://origin.test/base/v2/a>; rel="next", </base/v2/b>; rel="prev", <//origin.test/base/v2/c>; rel="last", </base/v2/d>',
      '</v2/a>; rel="next", </v2/b>; rel="prev", </v2/c>; rel="last", </v2/d>',
    ],
    ['absolute, with https', ROOT, '<https://origin.test/v2/a>; rel="next"', '</v2/a>; rel="next"'],
    ['elsewhere', BASED, '<https://docs.test/base/v2/a>; rel="help"', '<https://docs.test/base/v2/a>; rel="help"'],
    ['outside of the registry', ROOT, '</docs>; rel="help"', '<http://origin.test/docs>; rel="help"'],
    ['that is none', ROOT, '<http://>; rel="x"', '<http://>; rel="x"'],
  ])('%s', (_what, origin, link, expected) => {
    expect(onEdge(origin, { link })).toEqual({ link: expected });
  });

  it('is absent where the origin sends neither', () => {
    expect(onEdge(ROOT, {})).toEqual({});
  });
});

describe('an origin with a base path', () => {
  it.each(['', '/'])('is asked below it, and does not show it: ORIGIN_URL with "%s" at its end', async (end) => {
    const name = someName();
    const origin = scripted({
      headers: {
        location: '{base}/v2/x/blobs/uploads/1?_state=a',
        link: '<{base}/v2/_catalog?last=x>; rel="next"',
        'content-length': '3',
      },
      body: 'abc',
    });
    const edge = createEdge({ ORIGIN_URL: origin.url + end });
    const blob = `/v2/${name}/blobs/${someDigest()}`;
    expect((await edge.fetch(blob, { method: 'HEAD' })).status).toBe(200);
    const { headers } = await edge.fetch(`/v2/${name}/tags/list?n=1`);
    expect(headers.get('location')).toBe('/v2/x/blobs/uploads/1?_state=a');
    expect(headers.get('link')).toBe('</v2/_catalog?last=x>; rel="next"');
    expect((await edge.fetch('/v2/')).status).toBe(200);
    const asked = (await origin.calls()).map(({ method, path }) => `${method} ${path}`);
    expect(asked).toEqual([`HEAD ${blob}`, `GET /v2/${name}/tags/list?n=1`, 'GET /v2/']);
  });
});
