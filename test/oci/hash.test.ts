import { describe, expect, it } from 'vitest';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';
import { isContentOf } from '../../src/oci/hash.ts';

/** FIPS 180-4: the examples of the standard, and the digests of empty content. */
const EXAMPLES: [text: string, Digest][] = [
  ['abc', 'sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  ['abc', 'sha384:cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7'],
  [
    'abc',
    'sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
  ],
  ['', 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['', 'sha384:38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b'],
  [
    '',
    'sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
  ],
].map(([text = '', digest = '']) => [text, parseDigest(digest)]);

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe('isContentOf', () => {
  it.each(EXAMPLES)('%j has the digest %s', async (text, digest) => {
    expect(await isContentOf(digest, bytesOf(text))).toBe(true);
  });

  it.each(EXAMPLES)('any content other than %j does not have the digest %s', async (text, digest) => {
    for (const other of [`${text}\n`, `${text}\0`, text === '' ? ' ' : text.slice(1), 'ABC']) {
      expect(await isContentOf(digest, bytesOf(other))).toBe(false);
    }
  });

  it('hashes the view only, not the whole buffer', async () => {
    const [[, digest]] = EXAMPLES as [[string, Digest]];
    const buffer = bytesOf('xabcx');
    expect(await isContentOf(digest, buffer.subarray(1, 4))).toBe(true);
    expect(await isContentOf(digest, buffer)).toBe(false);
  });
});
