import { describe, expect, it } from 'vitest';
import { createStoragePlaces, placeOf } from '../../src/origin/storagePlaces.ts';
import { uniqueDigest } from '../support/digests.ts';

const HOUR_MS = 3_600_000;
const place = (name: string, host = 's3.example.com') => ({ host, key: `https://${host}/${name}` });

/** Returns the place of a new blob; `HEX` in a URL stands for its digest, `AB` and `CD` for the beginning of that. */
function someKey(url: string): string {
  const digest = uniqueDigest();
  const hex = digest.slice('sha256:'.length);
  const own = url.replace('AB', hex.slice(0, 2)).replace('CD', hex.slice(2, 4)).replace('HEX', hex);
  return placeOf(new URL(own), digest).key;
}

describe('placeOf', () => {
  it.each([
    'https://registry.s3.example.com/docker/registry/v2/blobs/sha256/AB/HEX/data?X-Amz-Signature=1',
    'https://containers.example.com/ghcr1/blobs/sha256:HEX?sig=1',
    'https://cdn.example.com/prod/sha256/AB/HEX',
    'https://store.example.com/packages/AB/CD/HEX',
    'https://store.example.com/HEX',
    'https://store.example.com/sha256:HEX',
    'https://bucket.s3.example.com/account/0123?response-content-type=a',
    'https://store.example.com/download?file=HEX',
  ])('gives all blobs at %s one place', (url) => {
    expect(someKey(url)).toBe(someKey(url));
    expect(someKey(url)).not.toMatch(/sig|Signature|\?/i);
  });

  it.each([
    ['hosts', 'https://a.example.com/x/HEX', 'https://b.example.com/x/HEX'],
    ['ports', 'https://a.example.com/x/HEX', 'https://a.example.com:8443/x/HEX'],
    ['schemes', 'https://a.example.com/x/HEX', 'http://a.example.com/x/HEX'],
    ['buckets of one host', 'https://s3.example.com/ours/HEX', 'https://s3.example.com/theirs/HEX'],
    ['opaque buckets of one host', 'https://s3.example.com/ours/1', 'https://s3.example.com/theirs/1'],
    ['folders of one bucket', 'https://s3.example.com/ours/blobs/HEX', 'https://s3.example.com/ours/pages/HEX'],
    ['storage and a page for signing in', 'https://a.example.com/x/HEX', 'https://a.example.com/x/login'],
    ['storage and a page that is told the digest', 'https://a.example.com/x/HEX', 'https://a.example.com/x/login/HEX'],
    ['a page at the root', 'https://a.example.com/HEX', 'https://a.example.com/login?to=HEX'],
    ['a part that only looks like a digest', 'https://a.example.com/zz/HEX', 'https://a.example.com/AB/HEX'],
  ])('tells apart %s', (_what, one, other) => {
    expect(someKey(one)).not.toBe(someKey(other));
  });
});

describe('createStoragePlaces', () => {
  it('lets one examination of a host go on at a time, until it succeeds or five minutes are over', () => {
    const places = createStoragePlaces();
    expect(places.reserve(place('a'), 0)).toBe(true);
    expect([places.reserve(place('b'), 1), places.reserve(place('a', 'other.example.com'), 1)]).toEqual([false, true]);
    expect([places.reserve(place('b'), 299_999), places.reserve(place('b'), 300_000)]).toEqual([false, true]);
    places.note(place('b'), 300_001);
    expect(places.reserve(place('c'), 300_002)).toBe(true);
  });

  it('forgets a place after a day', () => {
    const places = createStoragePlaces();
    places.note(place('a'), 0);
    expect(places.isProven(place('b'), 1)).toBe(false);
    expect([24 * HOUR_MS - 1, 24 * HOUR_MS].map((now) => places.isProven(place('a'), now))).toEqual([true, false]);
  });

  it('lets at most 32 examinations begin within an hour, however many places the origin names', () => {
    const places = createStoragePlaces();
    const begun = (nowMs: number) =>
      Array.from({ length: 1_000 }, (_, n) => places.reserve(place('a', `${nowMs}-${n}.example.com`), nowMs));
    expect(begun(HOUR_MS).filter(Boolean)).toHaveLength(32);
    expect(begun(2 * HOUR_MS - 1).filter(Boolean)).toHaveLength(0);
    expect(begun(2 * HOUR_MS).filter(Boolean)).toHaveLength(32);
  });

  it('remembers the last 100 places', () => {
    const places = createStoragePlaces();
    for (let n = 0; n <= 100; n++) places.note(place(`${n}`), 0);
    expect([places.isProven(place('0'), 1), places.isProven(place('1'), 1)]).toEqual([false, true]);
  });
});
