import { type Digest, isForeignDigest, parseDigest } from './digest.ts';
import { quoted, RegistryError } from './errors.ts';

/** What follows `/manifests/`: a tag, a digest, or a digest of an algorithm that only the origin may know. */
export type Reference =
  | { readonly kind: 'tag'; readonly text: string }
  | { readonly kind: 'digest'; readonly text: Digest }
  | { readonly kind: 'foreign'; readonly text: string };

/** Distribution-spec, "Pulling manifests". */
const TAG = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function isTag(text: string): boolean {
  return TAG.test(text);
}

/** @throws RegistryError DIGEST_INVALID where a colon says that a digest was meant, else TAG_INVALID */
export function parseReference(text: string): Reference {
  if (isTag(text)) return { kind: 'tag', text };
  if (isForeignDigest(text)) return { kind: 'foreign', text };
  if (text.includes(':')) return { kind: 'digest', text: parseDigest(text) };
  throw new RegistryError('TAG_INVALID', { detail: { tag: quoted(text) } });
}
