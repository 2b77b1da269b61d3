import { algorithmOf, type Digest } from './digest.ts';

const HASHES: Readonly<Record<string, string>> = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' };

/** Whether bytes are what a digest stands for. */
export async function isContentOf(digest: Digest, content: Uint8Array): Promise<boolean> {
  const algorithm = algorithmOf(digest);
  const hash = new Uint8Array(await crypto.subtle.digest(HASHES[algorithm] ?? algorithm, content));
  return digest === `${algorithm}:${Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
