import { quoted, RegistryError } from './errors.ts';

declare const valid: unique symbol;

/** The registered algorithms. */
export type DigestAlgorithm = 'sha256' | 'sha384' | 'sha512';

/** A digest of a registered algorithm with exactly its number of lowercase hex digits. Only this file makes one. */
export type Digest = `${DigestAlgorithm}:${string}` & { readonly [valid]: 'Digest' };

const REGISTERED = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;
/** OCI image-spec, descriptor.md, "Digests". */
const GRAMMAR = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;
const REGISTERED_ALGORITHM = /^sha(?:256|384|512):/;

/** Whether a text is a valid digest of a registered algorithm. */
export function isDigest(text: string): text is Digest {
  return REGISTERED.test(text);
}

/**
 * Reads a digest.
 * @param text such as `sha256:<64 hex digits>`
 * @throws RegistryError DIGEST_INVALID
 */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new RegistryError('DIGEST_INVALID', { detail: { digest: quoted(text) } });
  return text;
}

/** Returns the part before the colon. */
export function algorithmOf(digest: Digest): DigestAlgorithm {
  return digest.slice(0, digest.indexOf(':')) as DigestAlgorithm;
}

/** Whether a text is a well-formed digest of an algorithm that the edge cannot verify. The origin may know it. */
export function isForeignDigest(text: string): boolean {
  return GRAMMAR.test(text) && !REGISTERED_ALGORITHM.test(text);
}
