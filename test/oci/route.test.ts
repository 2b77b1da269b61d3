import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseRoute, splitUrl } from '../../src/oci/route.ts';

const HEX = '0123456789abcdef'.repeat(4);
const SHA256 = `sha256:${HEX}`;
const SHA512 = `sha512:${HEX}${HEX}`;
const EDGE = 'https://edge.test';
/** Decodes every escape, a byte for each character. */
const decode = (text: string) =>
  text.replace(/%([0-9a-f]{2})/gi, (_escape, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
const parse = (rawUrl: string) => parseRoute(splitUrl(rawUrl));

describe('parseRoute', () => {
  it.each([
    ['/v2', { kind: 'base' }],
    ['/v2/', { kind: 'base' }],
    ['/v2/_catalog', { kind: 'catalog' }],
    [`/v2/a/blobs/${SHA256}`, { kind: 'blob', name: 'a', digest: SHA256 }],
    [`/v2/a/b/c/blobs/${SHA512}`, { kind: 'blob', name: 'a/b/c', digest: SHA512 }],
    [`/v2/a/blobs/blobs/${SHA256}`, { kind: 'blob', name: 'a/blobs' }],
    [`/v2/a/blobs/uploads/blobs/${SHA256}`, { kind: 'blob', name: 'a/blobs/uploads' }],
    [`/v2/a/manifests/${SHA256}`, { kind: 'manifest', name: 'a', reference: { kind: 'digest', text: SHA256 } }],
    ['/v2/a/manifests/v1.0', { kind: 'manifest', reference: { kind: 'tag', text: 'v1.0' } }],
    ['/v2/a/manifests/blake3:abcd', { kind: 'manifest', reference: { kind: 'foreign', text: 'blake3:abcd' } }],
    ['/v2/a/blobs/uploads/', { kind: 'upload', name: 'a' }],
    ['/v2/a/blobs/uploads', { kind: 'upload', name: 'a' }],
    ['/v2/a/b/blobs/uploads/0b1c-22', { kind: 'upload', name: 'a/b' }],
    ['/v2/a/blobs/uploads/A%3D%3D', { kind: 'upload', name: 'a' }],
    ['/v2/a/tags/list', { kind: 'tags', name: 'a' }],
    ['/v2/tags/list/tags/list', { kind: 'tags', name: 'tags/list' }],
    [`/v2/a/referrers/${SHA256}`, { kind: 'referrers', name: 'a', digest: SHA256 }],
    ['/v2/a/blobs/blake3:abcd', { kind: 'foreign', name: 'a' }],
    ['/v2/a/_ext/thing', { kind: 'other' }],
    ['/v2/a', { kind: 'other' }],
  ])('reads %s', (path, expected) => {
    expect(parse(EDGE + path)).toMatchObject({ path, ...expected });
  });

  // RFC 3986 §6.2.2.2: these escapes have one reading only.
  it.each([
    [`/v2/a/blobs/sha256%3A${HEX}`, { kind: 'blob', digest: SHA256 }],
    [`/v2/a/blobs/sha256%3a${HEX}`, { kind: 'blob', digest: SHA256 }],
    [`/v2/a/referrers/sha256%3A${HEX}`, { kind: 'referrers', digest: SHA256 }],
    [`/v2/a/manifests/sha512%3A${HEX}${HEX}`, { kind: 'manifest', reference: { kind: 'digest' } }],
    ['/v2/a/manifests/v1%2E0%2d%5Frc', { kind: 'manifest', reference: { kind: 'tag', text: 'v1.0-_rc' } }],
    ['/v2/a/manifests/%4catest', { kind: 'manifest', reference: { kind: 'tag', text: 'Latest' } }],
    ['/v2/a/manifests/sha256%2Bb64%3Aabcd', { kind: 'manifest', reference: { kind: 'foreign' } }],
    ['/v2/%61%2Db/tags/list', { kind: 'tags', name: 'a-b' }],
    ['/v2/a/_ext/x%40y%7Ez%3D', { kind: 'other' }],
    [`/v2/a/blob%73/${SHA256}`, { kind: 'blob', name: 'a', digest: SHA256 }],
    ['/v2/a/blobs/upload%73/x', { kind: 'upload', name: 'a' }],
    [`/%762/a/blobs/${SHA256}`, { kind: 'blob' }],
    [`/v%32/a/blobs/${SHA256}`, { kind: 'blob' }],
    ['/v2/%5Fcatalog', { kind: 'catalog' }],
  ])('normalizes %s', (path, expected) => {
    expect(parse(EDGE + path)).toMatchObject({ path: decodeURIComponent(path), ...expected });
  });

  it.each([
    'A%3D%3D',
    '%41',
    'a%2Fb%2fc',
    'a|b',
    'a;b=1',
    "a!$&'()*+,:=@[~]_.-",
    'x%2F..y',
    '%C3%A4',
    'a%20b',
    'x/',
    'a%2Fb/',
    '',
  ])('keeps the upload session %s byte for byte', (session) => {
    const path = `/v2/a/b/blobs/uploads/${session}`;
    expect(parse(EDGE + path)).toEqual({ kind: 'upload', name: 'a/b', path, search: '' });
  });

  it.each([
    ['?ns=docker%2Eio', '?ns=docker.io'],
    ['?ns=registry.test%3A5000', '?ns=registry.test:5000'],
    ['?ns=a%2Fb', '?ns=a%2Fb'],
    ['?ns=docker%2Eio&x', '?ns=docker%2Eio&x'],
    ['?digest=sha256%3Aab', '?digest=sha256%3Aab'],
  ])('normalizes the query %s to %s', (search, expected) => {
    expect(parse(`${EDGE}/v2/a/manifests/b${search}`).search).toBe(expected);
  });

  it('keeps any other query unchanged', () => {
    const search = '?digest=sha256%3Aab&_state=a==/%2F%00&x';
    expect(parse(`${EDGE}/v2/a/blobs/uploads/u${search}`)).toMatchObject({ kind: 'upload', search });
  });

  it.each([
    ['/v2/UPPER/blobs/x', 'NAME_INVALID'],
    [`/v2/UPPER/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2/a//b/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2//a/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2/a%2Fb/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2/a%00/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2/-a/blobs/${SHA256}`, 'NAME_INVALID'],
    [`/v2/${'a'.repeat(300)}/blobs/${SHA256}`, 'NAME_INVALID'],
    ['/v2/a/../b/manifests/latest', 'NAME_INVALID'],
    ['/v2/a/./b/manifests/latest', 'NAME_INVALID'],
    ['/v2/a/%2e%2e/b/manifests/latest', 'NAME_INVALID'],
    ['/v2/a/.%2E/b/manifests/latest', 'NAME_INVALID'],
    ['/v2/a\\..\\b/manifests/latest', 'NAME_INVALID'],
    ['/v2/..', 'NAME_INVALID'],
    ['/v2/..;/admin', 'NAME_INVALID'],
    ['/v2/%2e%2e%2fapi', 'NAME_INVALID'],
    ['/v2/..%2fapi', 'NAME_INVALID'],
    ['/v2//', 'NAME_INVALID'],
    [`/v2/a/blobs%2F${SHA256}`, 'NAME_INVALID'],
    [`/v2/a/blobs//${SHA256}`, 'NAME_INVALID'],
    [`/v2/a/blobs/${SHA256}/`, 'NAME_INVALID'],
    [`/v2/a/blobs/${SHA256};x`, 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/..', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/..%2f..%2fmanifests', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/%2e%2e', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/%252e', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a%5Cb', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a\\b', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a%0Db', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a%7F', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a%2F%2e%2E', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/..;x', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/../', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/x//', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/x%2Fmanifests%2Flatest', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/x%2F%6Danifest%73%2Flatest', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/x;a%2Ftags;b%2Flist', 'NAME_INVALID'],
    [`/v2/a/blobs/uploads/x%2Fblobs%2F${SHA256}`, 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/manifests/', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/%zz', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/a%', 'NAME_INVALID'],
    ['/v2/a/blobs/uploads/{x}', 'NAME_INVALID'],
    [`/v2/a/blobs/sha256%253A${HEX}`, 'NAME_INVALID'],
    [`/v2/a/blobs/sha256%%33A${HEX}`, 'NAME_INVALID'],
    ['/v2/a/manifests/%2e', 'NAME_INVALID'],
    ['/v2/a/manifests/a%20b', 'NAME_INVALID'],
    ['/v2/a/manifests/a%C3%A4', 'NAME_INVALID'],
    ['/v2/a/manifests/%', 'NAME_INVALID'],
    ['/v2/a%5Cb/tags/list', 'NAME_INVALID'],
    ['/v2%2Fa/tags/list', 'NAME_UNKNOWN'],
    ['/v2/ä', 'NAME_INVALID'],
    ['/v2/a b/tags/list', 'NAME_INVALID'],
    [`//v2/a/blobs/${SHA256}`, 'NAME_UNKNOWN'],
    ['/v2x/a/tags/list', 'NAME_UNKNOWN'],
    [`/v2/a/blobs/sha256:${HEX.slice(1)}`, 'DIGEST_INVALID'],
    [`/v2/a/blobs/sha256:${HEX}0`, 'DIGEST_INVALID'],
    [`/v2/a/blobs/sha256:${HEX.toUpperCase()}`, 'DIGEST_INVALID'],
    ['/v2/a/blobs/', 'NAME_INVALID'],
    ['/v2/a/blobs/latest', 'DIGEST_INVALID'],
    ['/v2/a/referrers/latest', 'DIGEST_INVALID'],
    ['/v2/a/manifests/sha256:short', 'DIGEST_INVALID'],
    [`/v2/a/manifests/${'t'.repeat(129)}`, 'TAG_INVALID'],
    ['/v2/a/manifests/.hidden', 'TAG_INVALID'],
    ['/v2/a/manifests/', 'NAME_INVALID'],
  ])('refuses %s as %s', (path, code) => {
    expect(() => parse(EDGE + path)).toThrow(expect.objectContaining({ code }));
  });

  it('repeats only a bounded part of a name in an error', () => {
    const error = (() => {
      try {
        return parse(`${EDGE}/v2/${'A'.repeat(10_000)}/blobs/${SHA256}`);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect((error as { toBody(): string }).toBody().length).toBeLessThan(600);
  });

  it('returns a path that no URL parser changes, or refuses it', () => {
    const segment = fc.oneof(
      fc.constantFrom(
        'blobs',
        'manifests',
        'uploads',
        'tags',
        'list',
        'referrers',
        '.',
        '..',
        '%2e',
        '%2E%2e',
        '',
        SHA256,
        'blob%73',
        `sha256%3A${HEX}`,
        'a%2Fb',
        'x%2Fmanifests%2Fy',
        '%2541',
      ),
      fc.string({ maxLength: 8 }).map(encodeURI),
      fc.string({ maxLength: 5 }),
    );
    const prefixes = fc.constantFrom('v2', 'v2', 'v2', 'v%32', 'V2', 'v2 ', '/v2');
    fc.assert(
      fc.property(prefixes, fc.array(segment, { maxLength: 7 }), (prefix, segments) => {
        const raw = `${EDGE}/${[prefix, ...segments].join('/')}`;
        let route: ReturnType<typeof parseRoute>;
        try {
          route = parse(raw);
        } catch (error) {
          expect((error as { status: number }).status).toBe(/^v(?:2|%32)$/.test(prefix) ? 400 : 404);
          return;
        }
        expect(new URL(`https://origin.test${route.path}`).pathname).toBe(route.path);
        // Decoded, it is what the client sent.
        expect(decode(raw).startsWith(EDGE + decode(route.path))).toBe(true);
        expect(parse(EDGE + route.path)).toMatchObject({ path: route.path, kind: route.kind });
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('splitUrl', () => {
  it.each([
    ['https://edge.test', '/', ''],
    ['https://edge.test/v2/?a=b?c', '/v2/', '?a=b?c'],
    ['https://edge.test/v2/a/../b', '/v2/a/../b', ''],
    ['http://edge.test:80/v2/?', '/v2/', '?'],
    ['http://[::1]:80/v2/', '/v2/', ''],
    // workerd appends a target that is not a path to the host.
    ['http://edge.test*', '*', ''],
    ['http://edge.test*?/v2/', '*', '?/v2/'],
  ])('splits %s into %s and %s', (url, path, search) => {
    expect(splitUrl(url)).toEqual({ path, search });
  });
});
