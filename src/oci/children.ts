import { type Digest, isDigest } from './digest.ts';

/** A manifest in an index. */
export interface Child {
  readonly digest: Digest;
  /** Such as `linux/arm64/v8`; empty if none is stated. */
  readonly platform: string;
}

/**
 * Returns the manifests that an index names (image-spec, "Image Index"; Docker's manifest list), each once.
 * @returns `undefined` for content that is no index
 */
export function childrenOf(content: Uint8Array): readonly Child[] | undefined {
  const manifests = manifestsIn(content);
  if (!Array.isArray(manifests)) return undefined;
  const children = new Map<Digest, Child>();
  for (const descriptor of manifests as readonly (Record<string, unknown> | null)[]) {
    const digest = String(descriptor?.digest);
    if (isDigest(digest)) children.set(digest, { digest, platform: platformIn(descriptor?.platform) });
  }
  return [...children.values()];
}

function manifestsIn(content: Uint8Array): unknown {
  try {
    const parsed = JSON.parse(new TextDecoder().decode(content)) as Record<string, unknown> | null;
    return parsed?.manifests;
  } catch {
    return undefined;
  }
}

function platformIn(platform: unknown): string {
  const { os, architecture, variant } = (platform ?? {}) as Record<string, unknown>;
  return [os, architecture, variant].filter((part) => typeof part === 'string' && part !== '').join('/');
}

/** Whether a platform is one of those wanted: `linux/arm64` is also `linux/arm64/v8`. @param wanted none: all are */
export function isWanted(platform: string, wanted: readonly string[]): boolean {
  return wanted.length === 0 || wanted.some((one) => platform === one || platform.startsWith(`${one}/`));
}
