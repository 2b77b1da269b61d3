import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { splitUrl } from '../../src/oci/route.ts';
import { createShortNames } from '../../src/oci/shortNames.ts';
import { uniqueDigest } from '../support/digests.ts';

const names = createShortNames(parseRepositoryName('library'));
const DIGEST = uniqueDigest();
const targetOf = (path: string) => splitUrl(`http://edge.test${path}`);
const expand = (path: string) => {
  const target = names.expand(targetOf(path));
  return target.path + target.search;
};

function shortened(headers: Record<string, string>, asked: string): Response {
  const answer = new Response(null, { headers });
  names.shorten(answer, targetOf(asked));
  return answer;
}

const BELOW = [
  `/blobs/${DIGEST}`,
  '/blobs/uploads/',
  '/blobs/uploads/session%2Fof-the-origin?_state=a%2Fb',
  '/manifests/latest',
  '/manifests/v1%2E0',
  `/manifests/${DIGEST}?ns=docker.io`,
  '/tags/list?n=2&last=a',
  `/referrers/${DIGEST}?artifactType=a%2Fb`,
  '/blobs/md5:00',
];

describe('a short name', () => {
  it.each(BELOW)('gets its namespace in /v2/busybox%s', (below) => {
    const { path, search } = targetOf(`/v2/busybox${below}`);
    expect(expand(`/v2/busybox${below}`)).toBe(path.replace('/busybox/', '/library/busybox/') + search);
  });

  it.each(['library', 'team/tools'])('of several parts is one already: %s/busybox', (namespace) => {
    for (const below of BELOW) {
      const target = targetOf(`/v2/${namespace}/busybox${below}`);
      expect(names.expand(target)).toBe(target);
    }
  });

  it.each(['blobs', 'manifests', 'tags', 'uploads', 'library'])('may be the word %s', (word) => {
    expect(expand(`/v2/${word}/manifests/latest`)).toBe(`/v2/library/${word}/manifests/latest`);
    expect(expand(`/v2/a/${word}/manifests/latest`)).toBe(`/v2/a/${word}/manifests/latest`);
  });

  it.each([
    '/v2/',
    '/v2',
    '/v2/_catalog?n=1',
    '/v2/auth?scope=repository:busybox:pull&from=busybox',
    '/v2/a/b/tags/list?mount=x&from=busybox',
    '/v2/a/b/blobs/uploads/session?_state=x&from=busybox',
    '/',
    '/_edge/cache/busybox',
    '/v2/Busybox/manifests/latest',
    '/v2/../manifests/latest',
    '/v2/busybox/manifests/in%2Fvalid',
  ])('is none in %s', (path) => {
    const target = targetOf(path);
    expect(names.expand(target)).toBe(target);
  });

  it.each([
    ['/v2/a/b/blobs/uploads/?mount=x&from=busybox', '/v2/a/b/blobs/uploads/?mount=x&from=library%2Fbusybox'],
    ['/v2/a/b/blobs/uploads/?from=busybox&mount=x%3A', '/v2/a/b/blobs/uploads/?from=library%2Fbusybox&mount=x%3A'],
    ['/v2/a/blobs/uploads/?mount=x&from=b%2Fc', '/v2/library/a/blobs/uploads/?mount=x&from=b%2Fc'],
    ['/v2/a/b/blobs/uploads/?mount=x&from=', '/v2/a/b/blobs/uploads/?mount=x&from='],
    ['/v2/a/b/blobs/uploads/?mount=x&from=%E0%A4%A', '/v2/a/b/blobs/uploads/?mount=x&from=%E0%A4%A'],
  ])('is also where a blob is mounted from: %s', (path, expected) => {
    expect(expand(path)).toBe(expected);
  });

  it('stays where the full one would be too long', () => {
    const name = 'a'.repeat(255);
    expect(expand(`/v2/${name}/manifests/latest`)).toBe(`/v2/${name}/manifests/latest`);
  });

  it('is what an answer names, if the client did', () => {
    const link = '</v2/library/busybox/tags/list?last=a>; rel="next", </v2/library/busybox/tags/list>; rel="first"';
    const { headers } = shortened({ location: '/v2/library/busybox/blobs/x', link }, '/v2/busybox/tags/list');
    expect(headers.get('location')).toBe('/v2/busybox/blobs/x');
    expect(headers.get('link')).toBe(link.replaceAll('library/', ''));
    const full = shortened({ link }, '/v2/library/busybox/tags/list');
    expect(full.headers.get('link')).toBe(link);
  });

  it.each([
    'https://storage.test/v2/library/busybox/x',
    '/v2/library/busybox2/blobs/x',
    '/v2/other/library/busybox/blobs/x',
    '/other?to=/v2/library/busybox/',
  ])('does not change the address %s', (location) => {
    const { headers } = shortened({ location }, '/v2/busybox/tags/list');
    expect(headers.get('location')).toBe(location);
  });
});
