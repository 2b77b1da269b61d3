import { describe, expect, it } from 'vitest';
import { onTheEdge } from '../../src/routes/location.ts';
import { someDigest, someName } from '../support/digests.ts';
import { createEdge } from '../support/edge.ts';
import { scripted } from '../support/scripted.ts';

const ASKED = 'https://edge.test/v2/a/blobs/uploads/';
const ROOT = new URL('http://origin.test');
const BASED = new URL('http://origin.test/base');
const SLASHED = new URL('http://origin.test/base/');

describe('onTheEdge: Location', () => {
  it.each<[string, URL, string, string | undefined]>([
    ['absolute', BASED, 'http://origin.test/base/v2/a?x=%2F', 'https://edge.test/v2/a?x=%2F'],
    ['absolute, base with a slash', SLASHED, 'http://origin.test/base/v2/a', 'https://edge.test/v2/a'],
    ['absolute, with https', BASED, 'https://origin.test/base/v2/a', 'https://edge.test/v2/a'],
    ['from the root', BASED, '/base/v2/a', 'https://edge.test/v2/a'],
    ['relative', BASED, 'session?x=1', 'https://edge.test/v2/a/blobs/uploads/session?x=1'],
    ['a query alone', BASED, '?x=1', 'https://edge.test/v2/a/blobs/uploads/?x=1'],
    ['outside of the base', BASED, '/v2/a', 'http://origin.test/v2/a'],
    ['below a base that only begins the same', BASED, '/base2/v2/a', 'http://origin.test/base2/v2/a'],
    ['outside of /v2/', BASED, '/base/uploads/1', 'http://origin.test/base/uploads/1'],
    ['of another port', ROOT, 'http://origin.test:81/v2/a', undefined],
    ['of another host', ROOT, 'http://storage.test/v2/a', undefined],
    ['without a base', ROOT, 'http://origin.test/v2/a', 'https://edge.test/v2/a'],
  ])('%s', (_what, origin, location, expected) => {
    expect(onTheEdge(ASKED, origin, new Headers({ location })).location).toBe(expected);
  });
});

describe('onTheEdge: Link', () => {
  it.each<[string, URL, string, string]>([
    ['absolute', ROOT, '<http://origin.test/v2/_catalog?n=1>; rel="next"', '</v2/_catalog?n=1>; rel="next"'],
    [
      'absolute, below the base',
      BASED,
      '<http://origin.test/base/v2/a/tags/list>; rel="next"',
      '</v2/a/tags/list>; rel="next"',
    ],
    ['from the root, below the base', SLASHED, '</base/v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    ['from the root', ROOT, '</v2/a/tags/list>; rel="next"', '</v2/a/tags/list>; rel="next"'],
    [
      'several',
      BASED,
      '<http://origin.test/base/v2/a>; rel="next", </base/v2/b>; rel="prev", <http://origin.test/base/v2/c>; rel="last", </base/v2/d>',
      '</v2/a>; rel="next", </v2/b>; rel="prev", </v2/c>; rel="last", </v2/d>',
    ],
    ['absolute, with https', ROOT, '<https://origin.test/v2/a>; rel="next"', '</v2/a>; rel="next"'],
    ['elsewhere', BASED, '<https://docs.test/base/v2/a>; rel="help"', '<https://docs.test/base/v2/a>; rel="help"'],
  ])('%s', (_what, origin, link, expected) => {
    expect(onTheEdge(ASKED, origin, new Headers({ link }))).toEqual({ link: expected });
  });

  it('is absent where the origin sends neither', () => {
    expect(onTheEdge(ASKED, ROOT, new Headers())).toEqual({});
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
    expect(headers.get('location')).toBe('https://edge.test/v2/x/blobs/uploads/1?_state=a');
    expect(headers.get('link')).toBe('</v2/_catalog?last=x>; rel="next"');
    expect((await edge.fetch('/v2/')).status).toBe(200);
    const asked = (await origin.calls()).map(({ method, path }) => `${method} ${path}`);
    expect(asked).toEqual([`HEAD ${blob}`, `GET /v2/${name}/tags/list?n=1`, 'GET /v2/']);
  });
});
