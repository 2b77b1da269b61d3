import { algorithmOf, type Digest, type DigestAlgorithm, parseDigest } from './digest.ts';

const HASHES = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const;

/** Returns the name of an algorithm in Web Cryptography. */
export function hashName(algorithm: DigestAlgorithm): string {
  return HASHES[algorithm];
}

/** Returns the digest that has this hash. */
export function digestFrom(algorithm: DigestAlgorithm, hash: ArrayBuffer): Digest {
  return parseDigest(`${algorithm}:${hexOf(hash)}`);
}

/** Computes the sha256 digest of content, by which every registry knows it. */
export async function digestOf(content: Uint8Array): Promise<Digest> {
  return digestFrom('sha256', await crypto.subtle.digest('SHA-256', content));
}

/** Whether content has this digest. */
export async function isContentOf(digest: Digest, content: Uint8Array): Promise<boolean> {
  const algorithm = algorithmOf(digest);
  return digest === digestFrom(algorithm, await crypto.subtle.digest(hashName(algorithm), content));
}

/** Computes FNV-1a (32 bits), synchronously: it tells texts apart in tables, but does not protect against forgery. */
export function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** Returns a hash in lower-case hex. */
export function hexOf(hash: ArrayBuffer): string {
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
