import { algorithmOf, type Digest, parseDigest } from './digest.ts';

const HASHES: Readonly<Record<string, string>> = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

/** Returns the name of a digest's algorithm in Web Cryptography. */
export function hashName(digest: Digest): string {
  const algorithm = algorithmOf(digest);
  return HASHES[algorithm] ?? algorithm;
}

/** Whether a hash has the value of a digest. */
export function isHashOf(digest: Digest, hash: ArrayBuffer): boolean {
  return digest === `${algorithmOf(digest)}:${hexOf(hash)}`;
}

/** Computes the sha256 digest of content, by which every registry knows it. */
export async function digestOf(content: Uint8Array): Promise<Digest> {
  return parseDigest(`sha256:${hexOf(await crypto.subtle.digest('SHA-256', content))}`);
}

/** Whether content has this digest. */
export async function isContentOf(digest: Digest, content: Uint8Array): Promise<boolean> {
  return isHashOf(digest, await crypto.subtle.digest(hashName(digest), content));
}

/** Computes FNV-1a (32 bits), synchronously: it tells texts apart in tables, but does not protect against forgery. */
export function fingerprint(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function hexOf(hash: ArrayBuffer): string {
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
