import { Content, digestOf } from '../../../local/origin/content.ts';
import { createRegistry } from '../../../local/origin/registry.ts';
import { serveLocally } from '../../../local/serve.ts';
import { atEnd } from './cleanup.ts';
import type { Image } from './image.ts';

/** A registry that accepts every manifest, whatever it names, as some do. */
export interface CredulousRegistry {
  readonly url: string;
  readonly host: string;
  /** The accepted manifests that named a blob which the registry did not have: broken images. */
  readonly broken: readonly string[];
  /** Loses a blob, and all manifests and tags of the repository. */
  loseBlob(name: string, digest: string): void;
  hasBlob(name: string, digest: string): boolean;
  /** Whether the registry has all of the image. */
  isWhole(name: string, image: Pick<Image, 'manifest' | 'config' | 'layers'>): boolean;
}

class CredulousContent extends Content {
  readonly broken: string[] = [];

  override putManifest(name: string, reference: string, bytes: Buffer, mediaType: string): { digest: string } {
    const { config, layers = [], manifests: children = [] } = JSON.parse(bytes.toString('utf8'));
    const { blobs, manifests, tags } = this.open(name);
    const named = [config, ...layers, ...children].filter((part) => part !== undefined);
    const isThere = ({ digest }: { digest: string }) => blobs.has(digest) || manifests.has(digest);
    if (!named.every(isThere)) this.broken.push(`${name} ${reference}`);
    const digest = digestOf(bytes, reference);
    const plain = { subject: undefined, artifactType: undefined, annotations: undefined };
    manifests.set(digest, { bytes, mediaType, ...plain });
    if (reference !== digest) tags.set(reference, digest);
    return { digest };
  }
}

export async function startCredulousRegistry(): Promise<CredulousRegistry> {
  const content = new CredulousContent();
  const { fetch } = createRegistry(content);
  const { url, close } = await serveLocally((request) => fetch(request));
  atEnd(close);
  return {
    url,
    host: new URL(url).host,
    broken: content.broken,
    loseBlob(name, digest) {
      const { blobs, manifests, tags } = content.open(name);
      manifests.clear();
      tags.clear();
      blobs.delete(digest);
    },
    hasBlob: (name, digest) => content.open(name).blobs.has(digest),
    isWhole(name, { manifest, config, layers }) {
      const { blobs, manifests } = content.open(name);
      return manifests.has(manifest.digest) && [config, ...layers].every(({ digest }) => blobs.has(digest));
    },
  };
}
