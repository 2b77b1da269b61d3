import type { Entry } from '../../src/oci/descriptor.ts';
import { type Digest, parseDigest } from '../../src/oci/digest.ts';

const HEX_DIGITS = { sha256: 64, sha384: 96, sha512: 128 } as const;

/** Returns a unique digest, since tests share their stores. */
export function uniqueDigest(algorithm: keyof typeof HEX_DIGITS = 'sha256'): Digest {
  const bytes = crypto.getRandomValues(new Uint8Array(HEX_DIGITS[algorithm] / 2));
  return parseDigest(`${algorithm}:${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`);
}

/** Returns a unique repository name. */
export function uniqueName(): string {
  return `test/${crypto.randomUUID()}`;
}

/** Returns an entry as the origin would confirm it. */
export function entryFor(digest: Digest, verifiedAt: number, changes: Partial<Entry['descriptor']> = {}): Entry {
  return { descriptor: { digest, size: 1234, mediaType: 'application/octet-stream', ...changes }, verifiedAt };
}
