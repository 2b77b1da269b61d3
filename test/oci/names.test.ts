import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRepositoryName } from '../../src/oci/name.ts';
import { createNames, type Names } from '../../src/oci/names.ts';
import { splitUrl } from '../../src/oci/route.ts';
import { uniqueDigest } from '../support/digests.ts';

const names = createNames({ namespace: parseRepositoryName('library'), ownHosts: ['docker.io'] }) as Names;
const DIGEST = uniqueDigest();
const targetOf = (path: string) => splitUrl(`http://edge.test${path}`);
const expand = (path: string) => {
  const target = names.toOrigin(targetOf(path));
  return target.path + target.search;
};

function shortened(headers: Record<string, string>, asked: string): Response {
  const answer = new Response(null, { headers });
  names.toClient(answer, targetOf(asked));
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
      expect(names.toOrigin(target)).toBe(target);
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
    '/v2/busybox/manifests/latest?ns=quay.io',
    '/v2/busybox/tags/list?n=1&ns=quay.io',
  ])('is none in %s', (path) => {
    const target = targetOf(path);
    expect(names.toOrigin(target)).toBe(target);
  });

  it.each([
    ['/v2/a/b/blobs/uploads/?mount=x&from=busybox', '/v2/a/b/blobs/uploads/?mount=x&from=library%2Fbusybox'],
    ['/v2/a/b/blobs/uploads/?from=busybox&mount=x%3A', '/v2/a/b/blobs/uploads/?from=library%2Fbusybox&mount=x%3A'],
    ['/v2/a/blobs/uploads/?mount=x&from=b%2Fc', '/v2/library/a/blobs/uploads/?mount=x&from=b%2Fc'],
    ['/v2/a/b/blobs/uploads/?%6Dount=x&fr%6Fm=busybox', '/v2/a/b/blobs/uploads/?mount=x&from=library%2Fbusybox'],
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
    const { headers } = shortened({ location: '/v2/library/busybox/blobs/uploads/x', link }, '/v2/busybox/tags/list');
    expect(headers.get('location')).toBe('/v2/busybox/blobs/uploads/x');
    expect(headers.get('link')).toBe(link.replaceAll('library/', ''));
    const full = shortened({ link }, '/v2/library/busybox/tags/list');
    expect(full.headers.get('link')).toBe(link);
  });

  it.each([
    'https://storage.test/v2/library/busybox/x',
    '/v2/library/busybox2/blobs/uploads/x',
    '/v2/library/busybox/tools/blobs/uploads/x',
    '/v2/library/busybox/manifests/manifests/latest',
    '/v2/library/busybox/manifests/in%2Fvalid',
    '/v2/other/library/busybox/blobs/x',
    '/other?to=/v2/library/busybox/',
  ])('does not change the address %s', (location) => {
    const { headers } = shortened({ location }, '/v2/busybox/tags/list');
    expect(headers.get('location')).toBe(location);
  });
});

describe('a prefix', () => {
  const prefixed = createNames({
    namespace: parseRepositoryName('library'),
    prefix: parseRepositoryName('hub/mirror'),
    ownHosts: ['docker.io'],
  }) as Names;
  const toOrigin = (path: string) => {
    const { path: asked, search } = prefixed.toOrigin(targetOf(path));
    return asked + search;
  };
  const toClient = (headers: Record<string, string>, asked: string) => {
    const answer = new Response(null, { headers });
    prefixed.toClient(answer, targetOf(asked));
    return answer.headers;
  };

  it.each(BELOW)('precedes names with their namespace or without: %s', (below) => {
    const { path, search } = targetOf(`/v2/x${below}`);
    const rest = path.slice('/v2/x'.length) + search;
    expect(toOrigin(`/v2/hub/mirror/busybox${below}`)).toBe(`/v2/library/busybox${rest}`);
    expect(toOrigin(`/v2/hub/mirror/team/app${below}`)).toBe(`/v2/team/app${rest}`);
  });

  it('precedes what has no name, too', () => {
    expect(toOrigin('/v2/hub/mirror/_catalog?n=1')).toBe('/v2/_catalog?n=1');
    expect(toOrigin('/v2/hub/mirror/')).toBe('/v2/');
  });

  it.each([
    [
      '/v2/library/busybox/tags/list?last=a',
      '/v2/hub/mirror/busybox/tags/list',
      '/v2/hub/mirror/busybox/tags/list?last=a',
    ],
    ['/v2/library/busybox/blobs/x', '/v2/hub/mirror/library/busybox/blobs/y', '/v2/hub/mirror/library/busybox/blobs/x'],
    ['/v2/team/app/blobs/x', '/v2/hub/mirror/busybox/blobs/y', '/v2/hub/mirror/team/app/blobs/x'],
    [
      '/v2/library/busybox/x/tags/list',
      '/v2/hub/mirror/busybox/tags/list',
      '/v2/hub/mirror/library/busybox/x/tags/list',
    ],
    ['/v2/_catalog?last=a', '/v2/hub/mirror/_catalog', '/v2/hub/mirror/_catalog?last=a'],
    [
      'https://storage.test/v2/library/busybox/x',
      '/v2/hub/mirror/busybox/blobs/y',
      'https://storage.test/v2/library/busybox/x',
    ],
    ['/other', '/v2/hub/mirror/busybox/blobs/y', '/other'],
  ])('precedes the address %s in the answer to %s', (address, asked, expected) => {
    const headers = toClient({ location: address, link: `<${address}>; rel="next"` }, asked);
    expect([headers.get('location'), headers.get('link')]).toEqual([expected, `<${expected}>; rel="next"`]);
  });
});

describe('an ns', () => {
  const named = createNames({ ns: 'registry.test:5000' }) as Names;

  it('stays in the question, and gets into what the answer names', () => {
    const target = targetOf('/v2/team/app/tags/list?n=1&ns=registry.test:5000');
    expect(named.toOrigin(target)).toEqual(target);
    const link = '</v2/team/app/tags/list?n=1&last=a>; rel="next", </v2/a/b?ns=x>; rel="first"';
    const answer = new Response(null, { headers: { location: '/v2/team/app/blobs/x', link } });
    named.toClient(answer, target);
    expect(answer.headers.get('location')).toBe('/v2/team/app/blobs/x?ns=registry.test%3A5000');
    expect(answer.headers.get('link')).toBe(link.replace('last=a', 'last=a&ns=registry.test%3A5000'));
  });
});

describe('the scope of a token', () => {
  it.each([
    ['repository:busybox:pull', 'repository:library/busybox:pull'],
    ['repository:busybox:pull,push', 'repository:library/busybox:pull,push'],
    ['repository(plugin):busybox:pull', 'repository(plugin):library/busybox:pull'],
    ['repository:team/app:pull', 'repository:team/app:pull'],
    ['repository:Busybox:pull', 'repository:Busybox:pull'],
    ['repository:busybox', 'repository:busybox'],
    ['registry:catalog:*', 'registry:catalog:*'],
    ['', ''],
  ])('%s names what the origin knows as %s', (scope, expected) => {
    expect(names.scopeToOrigin(scope)).toBe(expected);
  });
});

it('nothing is translated where there is nothing to translate', () => {
  expect(createNames({})).toBeUndefined();
});

it('a client that follows an address asks for what the origin named, whatever it asked before', () => {
  const word = fc.constantFrom('a', 'library', 'hub', 'blobs', 'manifests', 'tags', 'uploads', 'list');
  const names = (minLength: number) => fc.array(word, { minLength, maxLength: 4 }).map((words) => words.join('/'));
  const below = fc.constantFrom(...BELOW.filter((path) => !path.includes('ns=')));
  const naming = fc.record({
    namespace: fc.constantFrom(undefined, parseRepositoryName('library')),
    prefix: fc.constantFrom(undefined, parseRepositoryName('hub')),
    ns: fc.constantFrom(undefined, 'docker.io'),
  });
  fc.assert(
    fc.property(naming, names(1), names(2), fc.boolean(), below, ({ prefix, ...rest }, asked, other, isBelow, path) => {
      const named = isBelow ? `library/${asked}/${other}` : other;
      const translated = createNames({ ...rest, prefix, ownHosts: ['docker.io'] });
      const location = `/v2/${named}${path}`;
      const answer = new Response(null, { headers: { location } });
      translated?.toClient(answer, targetOf(`/v2/${prefix ? `${prefix}/` : ''}${asked}/tags/list`));
      const target = targetOf(answer.headers.get('location') ?? '');
      const followed = translated?.toOrigin(target) ?? target;
      expect((followed.path + followed.search).replace(/[?&]ns=docker.io$/, '')).toBe(
        targetOf(location).path + targetOf(location).search,
      );
    }),
    { numRuns: 1_000 },
  );
});
