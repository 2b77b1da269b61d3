import { type Digest, isDigest } from './digest.ts';
import { MANIFEST_TYPES } from './mediaTypes.ts';

/**
 * The media type under which a registry gives back a manifest that it has taken.
 * @param contentType with which it was pushed
 * @returns `undefined` where that is not certain: a type of another kind, or not the one that the manifest itself states
 */
export function mediaTypeOf(contentType: string | null, content: Uint8Array): string | undefined {
  if (contentType === null || !MANIFEST_TYPES.includes(contentType)) return undefined;
  try {
    const { mediaType = contentType } = JSON.parse(new TextDecoder().decode(content)) as { mediaType?: unknown };
    return mediaType === contentType ? contentType : undefined;
  } catch {
    return undefined;
  }
}

const DIGESTS = /sha(?:256|384|512):[0-9a-f]+/g;

/** The digests in a text, such as a manifest or an error about one, each once, in their order. */
export function digestsIn(text: string): Set<Digest> {
  return new Set([...(text.match(DIGESTS) ?? [])].filter(isDigest));
}
