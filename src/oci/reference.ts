import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';

/** The reference of a manifest: a tag, a digest, or a digest of an algorithm that only the origin may know. */
export type Reference =
  | { readonly kind: 'tag'; readonly text: string }
  | { readonly kind: 'digest'; readonly text: Digest }
  | { readonly kind: 'foreign'; readonly text: string };

/** Distribution-spec, "Pulling manifests". */
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

/** Whether a text is a valid tag. */
export function isTag(text: string): boolean {
  return TAG.test(text);
}

/**
 * Reads a reference.
 * @throws RegistryError DIGEST_INVALID where a colon says that a digest was meant, else TAG_INVALID
 */
export function parseReference(text: string): Reference {
  if (isTag(text)) return { kind: 'tag', text };
  if (isForeignDigest(text)) return { kind: 'foreign', text };
  if (text.includes(':')) return { kind: 'digest', text: parseDigest(text) };
  throw new RegistryError('TAG_INVALID', { detail: { tag: quoted(text) } });
}
